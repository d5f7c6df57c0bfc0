"""RESHAPE: the same numbers in the same order, in another shape."""

from collections.abc import Sequence

from torch import nn

from micronet_edge.lowering.ir.graph import is_flatten
from micronet_edge.lowering.ir.primitives import ChannelsToColumns, ColumnsToChannels, Reshape
from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.axis_order import after_reshape
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("RESHAPE", formula=MOVES, allowed_in=EVERYWHERE)


in_integers(nn.Flatten, Reshape, ChannelsToColumns, ColumnsToChannels, bits=ALL_BITS)


@OPERATORS.writes(ChannelsToColumns, ColumnsToChannels)
def write_columns(_layer: nn.Module, call: Call) -> None:
    reshape(call, call.inputs[0], call.shape, call.result())


@OPERATORS.writes(Reshape)
@OPERATORS.writes(nn.Flatten, supports=is_flatten)
def write(_layer: nn.Module, call: Call) -> None:
    """Without moving a number where the order in which the tensor stands allows it."""
    shape, made = (call.tensors.full_shape(node) for node in (call.sources[0], call.node))
    before, after = after_reshape(shape, call.order(), made)
    x = call.read(0, before)
    with call.result_at(call.qparams_in(x), after) as result:
        reshape(call, x, call.shape_in(after), result)


def reshape(call: Call, x: int, shape: Sequence[int], result: int) -> None:
    call.tensors.writer.reshape(x, shape, result)
