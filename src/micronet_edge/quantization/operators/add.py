"""Sums: of two tensors, and of a tensor and a constant."""

from collections.abc import Sequence

from torch import Tensor, fx

from micronet_edge.lowering.ir.primitives import Add, AddConstant
from micronet_edge.quantization.integer_arithmetic import are_whole, integer_sum, straight_through
from micronet_edge.quantization.operators.constants import ConstantOperator, ends_of
from micronet_edge.quantization.operators.operator import Call, Operator
from micronet_edge.quantization.qparams import BYTE, QuantParams, Range

SMALLEST_RATIO = 2.0**-9
"""XNNPACK adds tensors whose scale is at least 2^-10 of the scale of the sum."""


class AddOperator(Operator[Add]):
    smallest_input_ratio = SMALLEST_RATIO

    def bounds(self, _layer: Add, _node: fx.Node, *inputs: Range) -> Range:
        return _sum_of(*inputs)

    def accumulator_scale(self, call: Call[Add]) -> float:
        return max(each.scale for each in call.inputs)

    def in_integers(self, call: Call[Add], *inputs: Tensor) -> Tensor:
        return _added(super().in_integers(call, *inputs), inputs, call.inputs, call.result)


class AddConstantOperator(ConstantOperator[AddConstant]):
    smallest_input_ratio = SMALLEST_RATIO

    def bounds(self, layer: AddConstant, _node: fx.Node, *inputs: Range) -> Range:
        return _sum_of(inputs[0], ends_of(layer.constant))

    def accumulator_scale(self, call: Call[AddConstant]) -> float:
        return max(call.inputs[0].scale, self.second_input(call).scale)

    def in_integers(self, call: Call[AddConstant], *inputs: Tensor) -> Tensor:
        values = (*inputs, self.stored(call)["constant"])
        qparams = (*call.inputs, self.second_input(call))
        return _added(super().in_integers(call, *inputs), values, qparams, call.result)


def _sum_of(first: Range, second: Range) -> Range:
    return first[0] + second[0], first[1] + second[1]


def _added(
    exact: Tensor, values: Sequence[Tensor], qparams: Sequence[QuantParams], result: QuantParams
) -> Tensor:
    """The sum of two tensors; with 8 bits as XNNPACK adds, whose factors are rounded as well.

    A tensor that is not rounded, as in the sensitivity analysis, is added in float32.
    """
    levels = [value / each.scale for value, each in zip(values, qparams, strict=True)]
    if result.bits != BYTE or not all(map(are_whole, levels)):
        return exact
    return straight_through(exact, integer_sum([each.detach().round() for each in levels], qparams, result))
