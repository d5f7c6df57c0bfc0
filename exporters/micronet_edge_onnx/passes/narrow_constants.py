"""Keeps constants that are alike in every column as one column."""

from torch import fx

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import calls, replace_module
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant, Constant, MultiplyConstant

_MAP = 4


class NarrowConstants(Pass):
    """Lets an operator repeat a number for each channel, not a row of equal ones.

    Given    AddConstant or MultiplyConstant [1, c, h, w], alike in every column
    Result   the same with [1, c, h, 1]

    ONNX Runtime adds one number to a whole map at once, a row of numbers to each row.
    """

    def change(self, network: fx.GraphModule) -> int:
        found = [(node, layer) for node, layer in _constants(network) if _is_wide(layer)]
        for node, layer in found:
            replace_module(network, node, type(layer)(layer.constant[..., :1]))
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, layer in _constants(network):
            if _is_wide(layer):
                raise LoweringError(f"{node.target} could still be narrower")


def _constants(network: fx.GraphModule) -> list[tuple[fx.Node, Constant]]:
    return [*calls(network, AddConstant), *calls(network, MultiplyConstant)]


def _is_wide(layer: Constant) -> bool:
    constant = layer.constant
    return constant.ndim == _MAP and constant.shape[3] > 1 and bool((constant == constant[..., :1]).all())
