"""Operators that only files of others have: they are counted, and allowed in none of ours."""

from micronet_edge_onnx.formula import MOVES, Formula, convolution, elementwise, matrix_product, several
from micronet_edge_onnx.operators import OPERATORS

OPERATORS.names(
    *("Constant", "ConstantOfShape", "Dropout", "Squeeze", "Tile", "Unsqueeze"),
    formula=MOVES,
)
OPERATORS.names("Neg", formula=elementwise(1))
OPERATORS.names("Sum", formula=Formula(several))
OPERATORS.names("ConvInteger", formula=Formula(convolution(1), data=(0, 1)))
OPERATORS.names("MatMulInteger", formula=Formula(matrix_product, data=(0, 1)))
OPERATORS.names("QLinearConv", formula=Formula(convolution(3), data=(0, 3, 8)))
OPERATORS.names("QLinearMatMul", formula=Formula(matrix_product, data=(0, 3)))
