"""AVERAGE_POOL_2D, for the means of files for TensorFlow Lite Micro, and MAX_POOL_2D."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.counting import arithmetic
from micronet_edge.counting.graph import Arithmetic, Tensor
from micronet_edge_tflite.counting.formulas import Formula
from micronet_edge_tflite.micro.layers import AveragePool
from micronet_edge_tflite.operators import MICRO, OPERATORS
from micronet_edge_tflite.writer.call import Call


def _formula(options: object, _inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    window: int = getattr(options, "filterHeight", 1) * getattr(options, "filterWidth", 1)
    return arithmetic.elementwise(result, window)


OPERATORS.names("AVERAGE_POOL_2D", formula=Formula(_formula), allowed_in=[MICRO])
OPERATORS.names("MAX_POOL_2D", formula=Formula(_formula))


@OPERATORS.writes(AveragePool)
def write(_layer: AveragePool, call: Call) -> None:
    _, height, width, _ = call.tensors.shape(call.sources[0])
    window = {"filterHeight": height, "filterWidth": width, "strideH": height, "strideW": width}
    valid = {"padding": schema.Padding.VALID}
    call.write("AVERAGE_POOL_2D", call.inputs, call.result(), schema.Pool2DOptionsT, **window, **valid)
