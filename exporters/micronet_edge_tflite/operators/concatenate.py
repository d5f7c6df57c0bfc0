"""CONCATENATION: tensors side by side along the channels or the columns."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.primitives import Concatenate, ConcatenateColumns
from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operator_writer import MOST_CONCATENATED

OPERATORS.names("CONCATENATION", formula=MOVES, allowed_in=EVERYWHERE)

ROWS, COLUMNS = 1, 2
"""Axes of a map."""


@OPERATORS.writes(Concatenate)
def write_channels(_layer: Concatenate, call: Call) -> None:
    """The first few at a time where XNNPACK would not take all of them at once."""
    result, parts, last = call.result(), call.inputs, len(call.shape) - 1
    widths = [call.tensors.shape(source)[-1] for source in call.sources]
    while (excess := len(parts) - MOST_CONCATENATED) > 0:
        count = min(excess + 1, MOST_CONCATENATED)
        width = sum(widths[:count])
        first = call.tensor(f"{len(parts)}", (*call.shape[:-1], width), call.qparams)
        concatenate(call, parts[:count], last, first)
        parts, widths = [first, *parts[count:]], [width, *widths[count:]]
    concatenate(call, parts, last, result)


@OPERATORS.writes(ConcatenateColumns)
def write_columns(_layer: ConcatenateColumns, call: Call) -> None:
    concatenate(call, call.inputs, COLUMNS, call.result())


def concatenate(call: Call, parts: Sequence[int], axis: int, result: int) -> None:
    call.write("CONCATENATION", parts, result, schema.ConcatenationOptionsT, axis=axis)
