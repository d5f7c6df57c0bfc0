"""PAD, PADV2 and MIRROR_PAD: numbers around a tensor."""

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.primitives import Pad
from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("PAD", "PADV2", "MIRROR_PAD", formula=MOVES, allowed_in=EVERYWHERE)

in_integers(Pad)

_REFLECT = int(schema.MirrorPadMode.REFLECT)
Sides = Sequence[tuple[int, int]]


@OPERATORS.writes(Pad)
def write(layer: Pad, call: Call) -> None:
    order = call.order()
    x, sides = call.read(0), [layer.sides[axis] for axis in order]
    with call.result_at(call.qparams_in(x), order) as result:
        if layer.value is not None:
            pad(call, x, sides, result, layer.value)
        else:
            inputs = [x, call.sizes(result, "sides", sides)]
            call.write("MIRROR_PAD", inputs, result, schema.MirrorPadOptionsT, mode=_REFLECT)


def pad(call: Call, x: int, sides: Sides, result: int, value: float = 0.0) -> None:
    """Puts a number around a tensor; in integers the nearest one that its quantization parameters have."""
    inputs = [x, call.sizes(result, "sides", sides)]
    if value == 0:
        call.write("PAD", inputs, result, schema.PadOptionsT)
        return
    number = np.full(1, value, np.float32)
    border = call.constant("border", number, call.qparams_in(x))
    call.write("PADV2", [*inputs, border], result, schema.PadV2OptionsT)


def padded(call: Call, rows: tuple[int, int], columns: tuple[int, int], value: float = 0.0) -> int:
    """The map that the layer reads with a border around it: above and below, left and right."""
    (x,), (source,) = call.inputs, call.sources
    batch, height, width, channels = call.tensors.shape(source)
    shape = (batch, height + sum(rows), width + sum(columns), channels)
    result = call.tensor("padded", shape, call.qparams_of(source))
    pad(call, x, [(0, 0), rows, columns, (0, 0)], result, value)
    return result
