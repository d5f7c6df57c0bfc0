"""MAXIMUM and MINIMUM: the larger or smaller of two tensors, element by element."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.counting.arithmetic import BOUND
from micronet_edge.lowering.ir.primitives import Maximum
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.operators.dynamic_pointwise import compares_products, rows_shape
from micronet_edge_tflite.operators.reshape import reshape
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("MAXIMUM", "MINIMUM", formula=elementwise(BOUND), allowed_in=EVERYWHERE)


@OPERATORS.writes(Maximum)
def write(_layer: Maximum, call: Call) -> None:
    result = call.result()
    if not compares_products(call.node):
        call.write("MAXIMUM", call.inputs, result, schema.MaximumMinimumOptionsT)
        return
    rows = call.tensor("rows", rows_shape(call.shape), call.qparams)
    call.write("MAXIMUM", call.inputs, rows, schema.MaximumMinimumOptionsT)
    reshape(call, rows, call.shape, result)
