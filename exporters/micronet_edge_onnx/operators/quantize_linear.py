"""QuantizeLinear and DequantizeLinear: numbers stored in integers."""

from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import INTEGER, OPERATORS

OPERATORS.names(
    "QuantizeLinear", "DequantizeLinear", formula=elementwise(1, data=(0,)), allowed_in=(INTEGER,)
)
