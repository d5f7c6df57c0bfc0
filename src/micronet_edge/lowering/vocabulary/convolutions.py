"""Convolutions of one and two axes, forwards and transposed."""

from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.vocabulary.padding import padded
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Value, Writer

_spells = VOCABULARY.spells
Sizes = int | Sequence[int]
_MAP_RANK = 4


@_spells(nn.Conv2d)
def conv2d_layer(write: Writer, layer: nn.Conv2d, x: fx.Node) -> fx.Node:
    """One of numbers as padding, with zeros, stays."""
    if layer.padding_mode == "zeros" and not isinstance(layer.padding, str) and len(shape_of(x)) == _MAP_RANK:
        return write.keep(x)
    return _conv_layer(write, layer, x)


@_spells(nn.Conv1d)
def conv1d_layer(write: Writer, layer: nn.Conv1d, x: fx.Node) -> fx.Node:
    return _conv_layer(write, layer, x)


def _conv_layer(write: Writer, layer: nn.Conv1d | nn.Conv2d, x: fx.Node) -> fx.Node:
    mode = layer.padding_mode
    if mode != "zeros":
        flat = layer._reversed_padding_repeated_twice  # noqa: SLF001 - what "same" means in numbers
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        x = padded(write, x, ((0, 0), (0, 0), *reversed(pairs)), mode)
    padding: Sizes | str = 0 if mode != "zeros" else layer.padding
    return convolved(write, x, layer.weight, layer.bias, layer.stride, padding, layer.dilation, layer.groups)


@_spells(torch.conv1d, torch.conv2d)
def convolved(
    write: Writer,
    x: fx.Node,
    weight: Value,
    bias: Value | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> fx.Node:
    """A convolution of fixed weights; one of one axis is one of two, with a height of 1."""
    weight, bias = fixed(write, weight), None if bias is None else fixed(write, bias)
    rank = weight.ndim - 2
    strides, dilations = _sizes(stride, rank), _sizes(dilation, rank)
    x = as_map(write, x, rank)
    if isinstance(padding, str):
        totals = [
            d * (k - 1) if padding == "same" else 0 for d, k in zip(dilations, weight.shape[2:], strict=True)
        ]
        before = [total // 2 for total in totals]
        uneven = [total - 2 * side for total, side in zip(totals, before, strict=True)]
        if any(uneven):
            sides = [(side, side + more) for side, more in zip(before, uneven, strict=True)]
            x, before = (
                padded(write, x, ((0, 0),) * (_MAP_RANK - rank) + tuple(sides), "constant"),
                [0] * rank,
            )
        pads = tuple(before)
    else:
        pads = _sizes(padding, rank)
    height = rank == 1
    conv = nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        _pair(tuple(weight.shape[2:]), 1),
        _pair(strides, 1),
        _pair(pads, 0),
        _pair(dilations, 1),
        groups,
        bias=bias is not None,
        dtype=weight.dtype,
    )
    return from_map(write, _with(conv, weight.unsqueeze(2) if height else weight, bias), x, "conv")


@_spells(nn.ConvTranspose2d, nn.ConvTranspose1d)
def transposed_layer(
    write: Writer, layer: nn.ConvTranspose1d | nn.ConvTranspose2d, x: fx.Node, output_size: object = None
) -> fx.Node:
    if layer.weight.ndim == _MAP_RANK and output_size is None and len(shape_of(x)) == _MAP_RANK:
        return write.keep(x)
    if output_size is not None:
        raise write.refusal("give it output_padding in the place of output_size")
    return transposed(
        write,
        x,
        layer.weight,
        layer.bias,
        layer.stride,
        tuple(int(each) for each in layer.padding),
        layer.output_padding,
        layer.groups,
        layer.dilation,
    )


@_spells(torch.conv_transpose1d, torch.conv_transpose2d)
def transposed(
    write: Writer,
    x: fx.Node,
    weight: Value,
    bias: Value | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> fx.Node:
    """A transposed convolution of fixed weights."""
    weight, bias = fixed(write, weight), None if bias is None else fixed(write, bias)
    rank = weight.ndim - 2
    conv = nn.ConvTranspose2d(
        weight.shape[0],
        weight.shape[1] * groups,
        _pair(tuple(weight.shape[2:]), 1),
        _pair(_sizes(stride, rank), 1),
        _pair(_sizes(padding, rank), 0),
        _pair(_sizes(output_padding, rank), 0),
        groups,
        bias is not None,
        _pair(_sizes(dilation, rank), 1),
        dtype=weight.dtype,
    )
    return from_map(
        write, _with(conv, weight.unsqueeze(2) if rank == 1 else weight, bias), as_map(write, x, rank), "conv"
    )


def fixed(write: Writer, value: Value) -> Tensor:
    """The constant. Raises LoweringError on weights that are computed."""
    if not isinstance(value, Tensor):
        raise write.refusal("its weights are computed: multiply by them after a fixed convolution")
    return value.detach()


def as_map(write: Writer, x: fx.Node, axes: int) -> fx.Node:
    """A tensor [n, c, l] as a map of height 1; a map as it is."""
    old = shape_of(x)
    if len(old) != axes + 2 or batch_axis(x) != 0:
        raise write.refusal(f"it reads a tensor of {len(old)} axes: it needs [n, c] and {axes} more")
    return x if axes == 2 else write.reshape(x, (*old[:2], 1, old[2]), 0)  # noqa: PLR2004 - height, width


def from_map(write: Writer, layer: nn.Module, x: fx.Node, name: str) -> fx.Node:
    """The call's result by a layer that reads and gives maps."""
    shape = write.shape
    if len(shape) == _MAP_RANK:
        return write(name, layer, x, shape=shape, axis=0)
    made = write(name, layer, x, shape=(*shape[:2], 1, shape[2]), axis=0)
    return write.reshape(made, shape, 0)


def _with(conv: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor, bias: Tensor | None) -> nn.Module:
    with torch.no_grad():
        conv.weight.copy_(weight)
        if bias is not None:
            assert conv.bias is not None
            conv.bias.copy_(bias)
    return conv


def _sizes(given: Sizes, rank: int) -> tuple[int, ...]:
    values = (given,) * rank if isinstance(given, int) else tuple(given)
    return values * rank if len(values) == 1 else values


def _pair(values: tuple[int, ...], height: int) -> tuple[int, int]:
    return (height, values[0]) if len(values) == 1 else (values[0], values[1])
