"""Operators that only files of others have: they are counted, and allowed in none of ours."""

from math import prod

from micronet_edge.counting import arithmetic
from micronet_edge.counting.arithmetic import HARD_SIGMOID, SCALE_AND_SHIFT
from micronet_edge_onnx.formula import (
    MOVES,
    Formula,
    attribute,
    convolution,
    elementwise,
    matrix_product,
    reduction,
    several,
)
from micronet_edge_onnx.operators import OPERATORS

OPERATORS.names(
    *("Constant", "ConstantOfShape", "Dropout", "Identity", "Pad", "Shape", "Squeeze", "Tile", "Transpose"),
    "Unsqueeze",
    formula=MOVES,
)
OPERATORS.names("Abs", "Div", "Neg", "Sub", formula=elementwise(1))
OPERATORS.names("Min", "Sum", formula=Formula(several))
OPERATORS.names("HardSigmoid", formula=elementwise(HARD_SIGMOID))
OPERATORS.names("BatchNormalization", formula=elementwise(SCALE_AND_SHIFT, data=(0, 1, 2)))
OPERATORS.names("GlobalMaxPool", formula=Formula(reduction))
OPERATORS.names("ReduceMin", "ReduceSum", formula=Formula(reduction, data=(0,)))
OPERATORS.names(
    "AveragePool",
    "MaxPool",
    formula=Formula(
        lambda node, _inputs, result: arithmetic.elementwise(result, prod(attribute(node, "kernel_shape")))
    ),
)
OPERATORS.names("ConvInteger", formula=Formula(convolution(1), data=(0, 1)))
OPERATORS.names("MatMulInteger", formula=Formula(matrix_product, data=(0, 1)))
OPERATORS.names("QLinearConv", formula=Formula(convolution(3), data=(0, 3, 8)))
OPERATORS.names("QLinearMatMul", formula=Formula(matrix_product, data=(0, 3)))
