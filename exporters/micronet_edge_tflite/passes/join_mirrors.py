"""Writes narrow mirrored borders as slices side by side, which XNNPACK computes."""

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import batch_axis, calls, dtype_of, note_shape, only_input, shape_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of, unused
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Concatenate, Pad, Slice

_WIDEST = 2
"""So many slices on a side are still cheaper than an operator that XNNPACK has not."""


class JoinMirrors(Pass):
    """Replaces a Pad that mirrors at most two numbers on a side.

    Given    x -> Pad of mirrored numbers -> y
    Result   slices of x, x, slices of x -> Concatenate -> y, for each axis

    XNNPACK has no MIRROR_PAD: LiteRT's own is slow, and splits what is computed in one go.
    """

    def change(self, network: fx.GraphModule) -> int:
        found = [(node, pad) for node, pad in calls(network, Pad) if _is_narrow(pad)]
        for node, pad in found:
            x = only_input(node)
            for axis, sides in enumerate(pad.sides):
                if any(sides):
                    x = _joined(network, node, x, (axis, *sides))
            node.replace_all_uses_with(x)
            network.graph.erase_node(node)
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, pad in calls(network, Pad):
            if _is_narrow(pad):
                raise LoweringError(f"{node.target} still mirrors")


def _is_narrow(pad: Pad) -> bool:
    return pad.value is None and max(max(sides) for sides in pad.sides) <= _WIDEST


def _joined(network: fx.GraphModule, node: fx.Node, x: fx.Node, along: tuple[int, int, int]) -> fx.Node:
    """The tensor with mirrored numbers before and behind, along one axis."""
    axis, before, behind = along
    write, shape = LayerWriter(network, node, layer_of(node)), shape_of(x)

    def part(layer: nn.Module, length: int, *inputs: fx.Node) -> fx.Node:
        made = write(unused(network, f"{node.target}/{type(layer).__name__.lower()}"), layer, *inputs)
        lengths = (*shape[:axis], length, *shape[axis + 1 :])
        note_shape(made, lengths, batch_axis(x), dtype_of(x))
        return made

    last = shape[axis] - 1
    first = [part(Slice(axis, place, place + 1), 1, x) for place in range(before, 0, -1)]
    final = [part(Slice(axis, last - place, last - place + 1), 1, x) for place in range(1, behind + 1)]
    return part(Concatenate(axis), shape[axis] + before + behind, *first, x, *final)
