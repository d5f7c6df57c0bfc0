"""The mean of each channel."""

from torch import fx, nn

from micronet_edge.quantization.operators.operator import Call, Operator, hull
from micronet_edge.quantization.qparams import Range


class MeanOperator(Operator[nn.AdaptiveAvgPool2d]):
    def bounds(self, _layer: nn.AdaptiveAvgPool2d, _node: fx.Node, *inputs: Range) -> Range:
        return hull(*inputs)

    def accumulator_scale(self, call: Call[nn.AdaptiveAvgPool2d]) -> float:
        return call.inputs[0].scale
