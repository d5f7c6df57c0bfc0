"""RESHAPE: the same numbers in the same order, in another shape."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema
from torch import fx, nn

from micronet_edge.lowering.ir.graph import is_flatten, only_input, shape_of
from micronet_edge.lowering.ir.primitives import ChannelsToColumns, ColumnsToChannels
from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("RESHAPE", formula=MOVES, allowed_in=EVERYWHERE)


def _keeps_order(node: fx.Node) -> bool:
    """Maps have their channels last: only those of single pixels are flattened to the same order."""
    return is_flatten(node) and shape_of(node) == shape_of(only_input(node))[:2]


@OPERATORS.writes(nn.Flatten, supports=_keeps_order)
@OPERATORS.writes(ChannelsToColumns, ColumnsToChannels)
def write(_layer: nn.Module, call: Call) -> None:
    reshape(call, call.inputs[0], call.shape, call.result())


def reshape(call: Call, x: int, shape: Sequence[int], result: int) -> None:
    call.tensors.writer.reshape(x, shape, result)
