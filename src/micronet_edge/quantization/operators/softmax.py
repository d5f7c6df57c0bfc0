"""Softmax: a function of all numbers along an axis."""

from collections.abc import Mapping
from typing import ClassVar

from torch import fx, nn

from micronet_edge.quantization.operators.function import UnitFunctionOperator
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.qparams import QuantParams, Range


class SoftmaxOperator(Operator[nn.Softmax]):
    """Has the result of a function between 0 and 1, and no table."""

    fixed_result: ClassVar[Mapping[int, QuantParams]] = UnitFunctionOperator.fixed_result

    def bounds(self, _layer: nn.Softmax, _node: fx.Node, *_inputs: Range) -> Range:
        return 0.0, 1.0
