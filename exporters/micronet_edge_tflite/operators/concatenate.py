"""CONCATENATION: tensors side by side along an axis."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.primitives import Concatenate, ConcatenateColumns
from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operator_writer import MOST_CONCATENATED

OPERATORS.names("CONCATENATION", formula=MOVES, allowed_in=EVERYWHERE)

in_integers(Concatenate, ConcatenateColumns, bits=ALL_BITS)

ROWS, COLUMNS = 1, 2
"""Axes of a map."""


@OPERATORS.writes(Concatenate)
def write(layer: Concatenate, call: Call) -> None:
    """The first few at a time where XNNPACK would not take all of them at once."""
    order = call.joint_order
    axis = order.index(layer.axis % len(order))
    result, shape = call.result(order), call.shape_in(order)
    parts = [
        call.converted(call.read(place, order), call.qparams_in(result)) for place in range(len(call.sources))
    ]
    lengths = [call.tensors.shape(source, order)[axis] for source in call.sources]
    while (excess := len(parts) - MOST_CONCATENATED) > 0:
        count = min(excess + 1, MOST_CONCATENATED)
        length = sum(lengths[:count])
        joined = (*shape[:axis], length, *shape[axis + 1 :])
        first = call.tensor(f"{len(parts)}", joined, call.qparams_in(result))
        concatenate(call, parts[:count], axis, first)
        parts, lengths = [first, *parts[count:]], [length, *lengths[count:]]
    concatenate(call, parts, axis, result)


@OPERATORS.writes(ConcatenateColumns)
def write_columns(_layer: ConcatenateColumns, call: Call) -> None:
    concatenate(call, call.inputs, COLUMNS, call.result())


def concatenate(call: Call, parts: Sequence[int], axis: int, result: int) -> None:
    call.write("CONCATENATION", parts, result, schema.ConcatenationOptionsT, axis=axis)
