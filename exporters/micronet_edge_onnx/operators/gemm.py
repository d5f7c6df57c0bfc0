"""Gemm: a linear layer, and a convolution of what the file holds as rows."""

from torch import nn

from micronet_edge.lowering.ir.graph import is_matrix, only_input
from micronet_edge_onnx.formula import Formula, matrix_product
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Gemm", formula=Formula(matrix_product), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.Linear, supports=lambda node: is_matrix(only_input(node)))
def write(layer: nn.Linear | nn.Conv2d, call: Call) -> str:
    (x,) = call.inputs
    return product(call, x, layer)


def product(call: Call, x: str, layer: nn.Linear | nn.Conv2d, part: str = "") -> str:
    """The layer's product with a row."""
    return call.operator("Gemm", [x, *call.weights(layer, part, matrix=True)], part, transB=1)
