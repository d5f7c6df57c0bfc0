"""Gemm: a linear layer, and a convolution of what the file holds as rows; MatMul for more axes."""

from torch import nn

from micronet_edge.lowering.ir.graph import is_matrix
from micronet_edge_onnx.formula import Formula, matrix_product
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Gemm", formula=Formula(matrix_product), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.Linear)
def write(layer: nn.Linear, call: Call) -> str:
    (x,) = call.inputs
    if is_matrix(call.node):
        return product(call, x, layer)
    if call.tensors.is_integer(call.node):
        return _of_rows(call, x, layer)
    weight, *bias = call.factor(layer)
    if not bias:
        return call.operator("MatMul", [x, weight])
    return call.operator("Add", [call.operator("MatMul", [x, weight], "product"), *bias])


def product(call: Call, x: str, layer: nn.Linear | nn.Conv2d, part: str = "") -> str:
    """The layer's product with a row."""
    return call.operator("Gemm", [x, *call.weights(layer, part, matrix=True)], part, transB=1)


def _of_rows(call: Call, x: str, layer: nn.Linear) -> str:
    """The product with all rows as one matrix: of MatMul, ONNX Runtime has no integer form with a bias."""
    rows = call.model.reshaped(call.path("rows"), x, -1, layer.in_features)
    return call.model.reshaped(call.name, product(call, rows, layer, "product"), *call.open_shape)
