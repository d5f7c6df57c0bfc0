"""MatMul: products of computed matrices."""

from micronet_edge.lowering.ir.primitives import MatrixProduct
from micronet_edge_onnx.formula import Formula, matrix_product
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("MatMul", formula=Formula(matrix_product), allowed_in=(PORTABLE,))


@OPERATORS.writes(MatrixProduct)
def write(_layer: MatrixProduct, call: Call) -> str:
    return call.operator("MatMul", call.inputs)
