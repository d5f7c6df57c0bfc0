"""Cast: numbers in another type, stored weights and the bytes of an image."""

from onnx import TensorProto

from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import BYTES, FLOAT16, INTEGER, OPERATORS
from micronet_edge_onnx.passes.read_bytes import ToFloat
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Cast", formula=elementwise(1), allowed_in=(BYTES, FLOAT16, INTEGER))


@OPERATORS.writes(ToFloat)
def write(_layer: ToFloat, call: Call) -> str:
    return call.operator("Cast", call.inputs, to=TensorProto.FLOAT)
