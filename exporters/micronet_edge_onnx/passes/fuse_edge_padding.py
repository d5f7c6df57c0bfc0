"""Writes a map with its edges repeated as one layer, for which ONNX has an operator."""

from torch import Tensor, fx, nn
from torch.nn import functional

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import calls, inputs_of, module_of, only_input, replace_module, shape_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Concatenate, Slice

_MAP_RANK = 4
_ROWS = 2

Sides = tuple[tuple[int, int], tuple[int, int]]
"""How many rows above and below, and how many columns left and right."""


class EdgePad(nn.Module):
    """A map with more rows and columns around it, which repeat those at its edges."""

    def __init__(self, sides: Sides) -> None:
        super().__init__()
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = self.sides
        return functional.pad(x, (*columns, *rows), mode="replicate")


class FuseEdgePadding(Pass):
    """Replaces slices of the edges of a map and their concatenation.

    Given    the first row, x, the last row -> Concatenate -> y, an edge perhaps several times; columns alike
    Result   x -> EdgePad -> y, one for rows and columns
    """

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        for node, _ in calls(network, Concatenate):
            found = _found(node)
            if found is not None:
                x, sides = found
                inner = module_of(x)
                if isinstance(inner, EdgePad) and set(x.users) <= {node, *node.all_input_nodes}:
                    sides = (inner.sides[0], sides[1]) if sides[0] == (0, 0) else (sides[0], inner.sides[1])
                    x = only_input(x)
                replace_module(network, node, EdgePad(sides))
                node.args = (x,)
                places += 1
        network.graph.eliminate_dead_code()
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, Concatenate):
            if _found(node) is not None:
                raise LoweringError(f"{node.target} could still be an EdgePad")


def _found(node: fx.Node) -> tuple[fx.Node, Sides] | None:
    """The map whose edges the node repeats, and how often, if it does nothing else."""
    layer, parts = module_of(node), inputs_of(node)
    if not isinstance(layer, Concatenate) or layer.axis not in {2, 3} or len(shape_of(node)) != _MAP_RANK:
        return None
    for place, x in enumerate(parts):
        length = shape_of(x)[layer.axis]
        before, behind = parts[:place], parts[place + 1 :]
        first = all(_is_edge(each, x, layer.axis, 0) for each in before)
        if first and all(_is_edge(each, x, layer.axis, length - 1) for each in behind):
            sides = len(before), len(behind)
            return x, ((sides, (0, 0)) if layer.axis == _ROWS else ((0, 0), sides))
    return None


def _is_edge(node: fx.Node, x: fx.Node, axis: int, place: int) -> bool:
    layer = module_of(node)
    if not isinstance(layer, Slice) or only_input(node) is not x:
        return False
    return (layer.axis, layer.start, layer.stop, layer.step) == (axis, place, place + 1, 1)
