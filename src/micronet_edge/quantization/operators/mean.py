"""The mean of each channel."""

from torch import Tensor, fx, nn

from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.operator import Operator, hull
from micronet_edge.quantization.qparams import Range


class MeanOperator(Operator[nn.AdaptiveAvgPool2d]):
    def bounds(self, _layer: nn.AdaptiveAvgPool2d, _node: fx.Node, *inputs: Range) -> Range:
        return hull(*inputs)

    def accumulator_scale(self, call: Call[nn.AdaptiveAvgPool2d]) -> float:
        return call.inputs[0].scale

    def in_integers(self, call: Call[nn.AdaptiveAvgPool2d], *inputs: Tensor) -> Tensor:
        (x,) = inputs
        return call.arithmetic.mean(call, super().in_integers(call, x), x)
