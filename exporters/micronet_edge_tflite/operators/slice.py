"""SLICE: some of the channels or columns."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.primitives import Channels, Columns
from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("SLICE", formula=MOVES, allowed_in=EVERYWHERE)


@OPERATORS.writes(Channels)
def write_channels(layer: Channels, call: Call) -> None:
    _slice(call, [*[0] * (len(call.shape) - 1), layer.start])


@OPERATORS.writes(Columns)
def write_columns(layer: Columns, call: Call) -> None:
    _slice(call, [0, 0, layer.start, 0])


def _slice(call: Call, begin: Sequence[int]) -> None:
    result = call.result()
    bounds = [call.sizes(result, "begin", begin), call.sizes(result, "size", call.shape)]
    call.write("SLICE", [*call.inputs, *bounds], result, schema.SliceOptionsT)
