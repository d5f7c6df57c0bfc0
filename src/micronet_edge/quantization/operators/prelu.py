"""PReLU: numbers below zero times a weight, which has integers of one scale and a zero point of 0."""

from collections.abc import Mapping

from torch import Tensor, fx, nn

from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.constants import dequantized, ends_of
from micronet_edge.quantization.operators.multiply import product_of
from micronet_edge.quantization.operators.operator import Operator, hull
from micronet_edge.quantization.qparams import QuantParams, Range, symmetric_qparams


class PreluOperator(Operator[nn.PReLU]):
    def bounds(self, layer: nn.PReLU, _node: fx.Node, *inputs: Range) -> Range:
        ((low, high),) = inputs
        below = product_of((min(low, 0.0), min(high, 0.0)), ends_of(layer.weight.detach()))
        return hull(below, (max(low, 0.0), max(high, 0.0)))

    def accumulator_scale(self, call: Call[nn.PReLU]) -> float:
        return call.inputs[0].scale * max(1.0, self.weight_qparams(call).scale)

    def stored(self, call: Call[nn.PReLU]) -> Mapping[str, Tensor]:
        return {"weight": dequantized(call.layer.weight.detach(), self.weight_qparams(call))}

    def weight_qparams(self, call: Call[nn.PReLU]) -> QuantParams:
        """The quantization parameters of the weight."""
        low, high = ends_of(call.layer.weight.detach())
        return symmetric_qparams(low, high, call.result.bits)
