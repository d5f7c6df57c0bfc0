"""TRANSPOSE: the axes of a tensor in another order in the file; the writer puts it where it is needed."""

from math import prod

from ai_edge_litert import schema_py_generated as schema

from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.operators.reshape import reshape
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("TRANSPOSE", formula=MOVES, allowed_in=EVERYWHERE)


def transposed_channels(call: Call, x: int, matrix: tuple[int, int], result: int) -> None:
    """A map whose channels are a matrix [rows, columns], with that matrix transposed."""
    writer = call.tensors.writer
    shape, qparams = writer.shape_of(x), call.qparams_in(x)
    rows, columns = matrix
    pixels = prod(shape[:-1])
    split = call.tensor("split", (pixels, rows, columns), qparams)
    swapped = call.tensor("swapped", (pixels, columns, rows), qparams)
    reshape(call, x, (pixels, rows, columns), split)
    inputs = [split, call.sizes(swapped, "axes", (0, 2, 1))]
    call.write("TRANSPOSE", inputs, swapped, schema.TransposeOptionsT)
    reshape(call, swapped, shape, result)
