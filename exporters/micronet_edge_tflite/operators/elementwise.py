"""SUB, DIV, NEG, ABS: one operation for each element; only converted files have them."""

from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import OPERATORS

OPERATORS.names("SUB", "DIV", "NEG", "ABS", formula=elementwise(1))
