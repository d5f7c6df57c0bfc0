"""A border of one number for each channel, by concatenation: PAD knows one number for all channels."""

import numpy as np

from micronet_edge.lowering.ir.primitives import Frame
from micronet_edge_tflite.operators import ALL_BITS, OPERATORS, in_integers
from micronet_edge_tflite.operators.concatenate import COLUMNS, ROWS, concatenate
from micronet_edge_tflite.writer.call import Call

in_integers(Frame, bits=ALL_BITS)


@OPERATORS.writes(Frame)
def write(layer: Frame, call: Call) -> None:
    """Rows above and below, then columns left and right."""
    result, values = call.result(), layer.values.numpy()
    batch, height, width, channels = call.shape
    inner = width - 2 * layer.horizontal
    row = np.broadcast_to(values, (batch, layer.vertical, inner, channels))
    above = call.constant("row", row, call.qparams)
    with_rows = [above, *call.inputs, above]
    if not layer.horizontal:
        concatenate(call, with_rows, ROWS, result)
        return
    taller = call.tensor("taller", (batch, height, inner, channels), call.qparams)
    column = np.broadcast_to(values, (batch, height, layer.horizontal, channels))
    beside = call.constant("column", column, call.qparams)
    concatenate(call, with_rows, ROWS, taller)
    concatenate(call, [beside, taller, beside], COLUMNS, result)
