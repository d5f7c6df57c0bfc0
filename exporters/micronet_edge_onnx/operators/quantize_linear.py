"""QuantizeLinear, DequantizeLinear and Cast: numbers stored in another type."""

from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import FLOAT16, INTEGER, OPERATORS

OPERATORS.names(
    "QuantizeLinear", "DequantizeLinear", formula=elementwise(1, data=(0,)), allowed_in=(INTEGER,)
)
OPERATORS.names("Cast", formula=elementwise(1), allowed_in=(FLOAT16, INTEGER))
