"""Sums: of two tensors, and of a tensor and a constant."""

from torch import Tensor, fx

from micronet_edge.lowering.ir.primitives import Add, AddConstant
from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.constants import ConstantOperator, ends_of
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.qparams import Range

SMALLEST_RATIO = 2.0**-9
"""XNNPACK adds tensors whose scale is at least 2^-10 of the scale of the sum."""


class AddOperator(Operator[Add]):
    smallest_input_ratio = SMALLEST_RATIO

    def bounds(self, _layer: Add, _node: fx.Node, *inputs: Range) -> Range:
        return _sum_of(*inputs)

    def accumulator_scale(self, call: Call[Add]) -> float:
        return max(each.scale for each in call.inputs)

    def in_integers(self, call: Call[Add], *inputs: Tensor) -> Tensor:
        exact = super().in_integers(call, *inputs)
        return call.arithmetic.total(exact, inputs, call.inputs, call.result)


class AddConstantOperator(ConstantOperator[AddConstant]):
    smallest_input_ratio = SMALLEST_RATIO

    def bounds(self, layer: AddConstant, _node: fx.Node, *inputs: Range) -> Range:
        return _sum_of(inputs[0], ends_of(layer.constant))

    def accumulator_scale(self, call: Call[AddConstant]) -> float:
        return max(call.inputs[0].scale, self.second_input(call).scale)

    def in_integers(self, call: Call[AddConstant], *inputs: Tensor) -> Tensor:
        values = (*inputs, self.stored(call)["constant"])
        qparams = (*call.inputs, self.second_input(call))
        exact = super().in_integers(call, *inputs)
        return call.arithmetic.total(exact, values, qparams, call.result)


def _sum_of(first: Range, second: Range) -> Range:
    return first[0] + second[0], first[1] + second[1]
