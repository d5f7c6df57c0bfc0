"""SLICE, and STRIDED_SLICE where positions are left out: a part of a tensor."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.primitives import Channels, Columns, Slice
from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("SLICE", "STRIDED_SLICE", formula=MOVES, allowed_in=EVERYWHERE)

in_integers(Channels, Columns, Slice, bits=ALL_BITS)

_CHANNELS, _COLUMNS = 1, 3


@OPERATORS.writes(Channels)
def write_channels(layer: Channels, call: Call) -> None:
    _slice(call, _CHANNELS, layer.start)


@OPERATORS.writes(Columns)
def write_columns(layer: Columns, call: Call) -> None:
    _slice(call, _COLUMNS, layer.start)


@OPERATORS.writes(Slice)
def write(layer: Slice, call: Call) -> None:
    length = call.tensors.full_shape(call.sources[0])[layer.axis]
    start, stop, step = slice(layer.start, layer.stop, layer.step).indices(length)
    if step == 1:
        _slice(call, layer.axis, start)
        return
    order = call.order()
    shape = call.tensors.shape(call.sources[0], order)
    ends = {
        "begin": [start if axis == layer.axis else 0 for axis in order],
        "end": [stop if axis == layer.axis else side for axis, side in zip(order, shape, strict=True)],
        "strides": [step if axis == layer.axis else 1 for axis in order],
    }
    x = call.read(0)
    with call.result_at(call.qparams_in(x), order) as result:
        inputs = [x, *(call.sizes(result, role, places) for role, places in ends.items())]
        call.write("STRIDED_SLICE", inputs, result, schema.StridedSliceOptionsT)


def cut(call: Call, x: int, begin: Sequence[int], result: int) -> None:
    """The part of a tensor from these positions on that has the shape of the result."""
    shape = call.tensors.writer.shape_of(result)
    bounds = [call.sizes(result, "begin", begin), call.sizes(result, "size", shape)]
    call.write("SLICE", [x, *bounds], result, schema.SliceOptionsT)


def _slice(call: Call, axis: int, start: int) -> None:
    order = call.order()
    x = call.read(0)
    with call.result_at(call.qparams_in(x), order) as result:
        cut(call, x, [start if each == axis else 0 for each in order], result)
