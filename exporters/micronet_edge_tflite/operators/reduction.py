"""SUM, REDUCE_MAX, REDUCE_MIN: only converted files have them."""

from micronet_edge.counting import arithmetic
from micronet_edge_tflite.counting.formulas import Formula, first_input
from micronet_edge_tflite.operators import OPERATORS

FORMULA = Formula(lambda _options, inputs, _result: arithmetic.reduction(inputs[0]), data=first_input)
OPERATORS.names("SUM", "REDUCE_MAX", "REDUCE_MIN", formula=FORMULA)
