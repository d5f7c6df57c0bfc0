"""Numbers around a tensor: fixed, mirrored, repeated, or from the other side."""

from collections.abc import Sequence

from torch import fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.ir.primitives import Pad
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer

_spells = VOCABULARY.spells

Sides = tuple[tuple[int, int], ...]
"""How many numbers before and behind, for each axis."""


def padded(write: Writer, x: fx.Node, sides: Sides, mode: str, value: float = 0.0) -> fx.Node:
    """The tensor with more numbers around it; fewer where a number is negative."""
    for axis, (before, behind) in enumerate(sides):
        x = write.slice(x, axis, max(0, -before), shape_of(x)[axis] - max(0, -behind))
    sides = tuple((max(0, before), max(0, behind)) for before, behind in sides)
    samples = batch_axis(x)
    if samples is not None and sides[samples] != (0, 0):
        raise write.refusal("it adds samples: a file computes every sample alike and by itself")
    if not any(map(any, sides)):
        return x
    if mode in {"constant", "zeros", "reflect"}:
        shape = tuple(sum(each) + length for each, length in zip(sides, shape_of(x), strict=True))
        return write("padded", Pad(sides, None if mode == "reflect" else value), x, shape=shape)
    for axis, (before, behind) in enumerate(sides):
        if before or behind:
            x = _continued(write, x, axis, before, behind, circular=mode == "circular")
    return x


def _continued(write: Writer, x: fx.Node, axis: int, before: int, behind: int, *, circular: bool) -> fx.Node:
    length = shape_of(x)[axis]
    if circular:
        parts = [write.slice(x, axis, length - before, length)] if before else []
        tail = [write.slice(x, axis, 0, behind)] if behind else []
        return write.concatenate([*parts, x, *tail], axis)
    first, last = (
        write.slice(x, axis, place, place + 1) if many else x
        for place, many in ((0, before), (length - 1, behind))
    )
    return write.concatenate([*[first] * before, x, *[last] * behind], axis)


def sides_of(x: fx.Node, pad: Sequence[int]) -> Sides:
    """The sides of each axis from a list that begins with the last axis."""
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    return (*[(0, 0)] * (len(shape_of(x)) - len(pairs)), *reversed(pairs))


@_spells(functional.pad)
def pad(
    write: Writer, x: fx.Node, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> fx.Node:
    return padded(write, x, sides_of(x, pad), mode, value or 0.0)


_LAYERS: dict[type[nn.Module], str] = {
    nn.ConstantPad1d: "constant",
    nn.ConstantPad2d: "constant",
    nn.ZeroPad1d: "constant",
    nn.ZeroPad2d: "constant",
    nn.ReflectionPad1d: "reflect",
    nn.ReflectionPad2d: "reflect",
    nn.ReplicationPad1d: "replicate",
    nn.ReplicationPad2d: "replicate",
    nn.CircularPad1d: "circular",
    nn.CircularPad2d: "circular",
}


@_spells(*_LAYERS)
def pad_layer(write: Writer, layer: nn.Module, x: fx.Node) -> fx.Node:
    mode = next(_LAYERS[kind] for kind in type(layer).__mro__ if kind in _LAYERS)
    padding, value = layer.padding, getattr(layer, "value", 0.0)
    assert isinstance(padding, tuple)
    return padded(write, x, sides_of(x, padding), mode, float(value))
