"""Operators whose results span so many orders of magnitude that no runtime has them in integers."""

from torch import nn

from micronet_edge.lowering.ir.primitives import Divide, Logarithm, ReciprocalSquareRoot
from micronet_edge.quantization.operators.operator import Operator


class FloatOperator(Operator[nn.Module]):
    has_integer_form = False


FLOAT_ALONE: tuple[type[nn.Module], ...] = (Divide, Logarithm, ReciprocalSquareRoot)
