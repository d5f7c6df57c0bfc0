"""QUANTIZE and DEQUANTIZE, which convert tensors between float32 and integers, and CAST."""

from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, INTEGER, MICRO, OPERATORS

OPERATORS.names("QUANTIZE", formula=elementwise(1), allowed_in=[INTEGER, MICRO])
OPERATORS.names("DEQUANTIZE", formula=elementwise(1), allowed_in=EVERYWHERE)
OPERATORS.names("CAST", formula=elementwise(1))
