"""QUANTIZE and DEQUANTIZE, which convert tensors between float32 and integers, and CAST."""

from micronet_edge.targets.protocol import FLOAT16
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import INTEGER, MICRO, OPERATORS

OPERATORS.names("QUANTIZE", formula=elementwise(1), allowed_in=[INTEGER, MICRO])
OPERATORS.names("DEQUANTIZE", formula=elementwise(1), allowed_in=[FLOAT16, INTEGER, MICRO])
OPERATORS.names("CAST", formula=elementwise(1))
