"""AVERAGE_POOL_2D, MAX_POOL_2D: only converted files have them."""

from collections.abc import Sequence

from micronet_edge.counting import arithmetic
from micronet_edge.counting.graph import Arithmetic, Tensor
from micronet_edge_tflite.counting.formulas import Formula
from micronet_edge_tflite.operators import OPERATORS


def _formula(options: object, _inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    window: int = getattr(options, "filterHeight", 1) * getattr(options, "filterWidth", 1)
    return arithmetic.elementwise(result, window)


OPERATORS.names("AVERAGE_POOL_2D", "MAX_POOL_2D", formula=Formula(_formula))
