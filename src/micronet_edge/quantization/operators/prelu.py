"""PReLU: numbers below zero times a weight, which is stored in integers as a constant is."""

from collections.abc import Mapping

from torch import Tensor, fx, nn

from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.constants import constant_range_qparams, dequantized, ends_of
from micronet_edge.quantization.operators.multiply import product_of
from micronet_edge.quantization.operators.operator import Operator, hull
from micronet_edge.quantization.qparams import QuantParams, Range


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
        """The quantization parameters of the weight: one scale for all channels."""
        return constant_range_qparams(call.layer.weight.detach(), call.result, self.smallest_input_ratio)
