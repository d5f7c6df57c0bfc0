"""What the quantization knows of the layers in `layers.py`. To import it is to register them."""

import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import inputs_of
from micronet_edge.quantization.integer_arithmetic import requantized, straight_through, whole
from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.multiply import product_of
from micronet_edge.quantization.operators.operator import Operator, ResultQParams, hull
from micronet_edge.quantization.operators.registry import register
from micronet_edge.quantization.qparams import Range
from micronet_edge.quantization.stored_weights import applied
from micronet_edge_tflite.micro.layers import AveragePool, CoefficientRows, ShiftedSum


class AveragePoolOperator(Operator[AveragePool]):
    """Rounds the mean of integers to an integer of the same quantization parameters, half away from zero.

    Source: TensorFlow Lite, reference_integer_ops::AveragePool, and CMSIS-NN, arm_avgpool_s8.
    """

    result_qparams = ResultQParams.FROM_INPUTS

    def bounds(self, _layer: AveragePool, _node: fx.Node, *inputs: Range) -> Range:
        return hull(*inputs)

    def in_integers(self, call: Call[AveragePool], *inputs: Tensor) -> Tensor:
        (x,), qparams = inputs, call.result
        exact = applied(call.layer, {}, x)
        sums = (whole(x.detach() / qparams.scale) + qparams.zero_point).sum((2, 3), keepdim=True)
        count = x.shape[2] * x.shape[3]
        rounded = torch.sign(sums) * ((sums.abs() + count // 2) / count).floor()
        return straight_through(exact, (rounded - qparams.zero_point) * qparams.scale)


class CoefficientRowsOperator(Operator[CoefficientRows]):
    """Moves coefficients side by side, so that they share the quantization parameters of a weight."""

    result_qparams = ResultQParams.SHARED
    is_symmetric = True

    def bounds(self, _layer: CoefficientRows, _node: fx.Node, *inputs: Range) -> Range:
        return hull(*inputs)


class ShiftedSumOperator(Operator[ShiftedSum]):
    """Sums products of integers in 32 bits and rounds once, as every convolution does."""

    def bounds(self, _layer: ShiftedSum, node: fx.Node, *inputs: Range) -> Range:
        low, high = product_of(*inputs[:2])
        terms = len(inputs_of(node)) - 1
        return terms * low, terms * high

    def accumulator_scale(self, call: Call[ShiftedSum]) -> float:
        weight, x, *_ = call.inputs
        return weight.scale * x.scale

    def in_integers(self, call: Call[ShiftedSum], *inputs: Tensor) -> Tensor:
        integers = [whole(value / each.scale) for value, each in zip(inputs, call.inputs, strict=True)]
        sums = applied(call.layer, {}, *integers)
        factor = self.accumulator_scale(call) / call.result.scale
        return requantized(sums, None, torch.full((sums.shape[1],), factor), call.result)


register(AveragePool, AveragePoolOperator())
register(CoefficientRows, CoefficientRowsOperator())
register(ShiftedSum, ShiftedSumOperator())
