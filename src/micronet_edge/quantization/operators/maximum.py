"""The larger, and the smaller, of two tensors, and of a tensor and a constant."""

from torch import fx

from micronet_edge.lowering.ir.primitives import Maximum, MaximumConstant, Minimum, MinimumConstant
from micronet_edge.quantization.operators.constants import ConstantLayer, ConstantOperator, ends_of
from micronet_edge.quantization.operators.operator import Operator, ResultQParams
from micronet_edge.quantization.qparams import QuantParams, Range


class MaximumOperator(Operator[Maximum]):
    """Compares integers, so that its inputs share the quantization parameters of its result.

    A number below the range of the result never is the maximum, so nothing is rounded twice.
    """

    result_qparams = ResultQParams.SHARED

    def bounds(self, _layer: Maximum, _node: fx.Node, *inputs: Range) -> Range:
        return _larger(*inputs)


class MinimumOperator(Operator[Minimum]):
    """The same of the smaller one."""

    result_qparams = ResultQParams.SHARED

    def bounds(self, _layer: Minimum, _node: fx.Node, *inputs: Range) -> Range:
        return _smaller(*inputs)


class _ComparedConstant(ConstantOperator[ConstantLayer]):
    """The constant has the quantization parameters of the result as well."""

    result_qparams = ResultQParams.SHARED

    def constant_qparams(self, _layer: ConstantLayer, result: QuantParams) -> QuantParams:
        return result


class MaximumConstantOperator(_ComparedConstant[MaximumConstant]):
    def bounds(self, layer: MaximumConstant, _node: fx.Node, *inputs: Range) -> Range:
        return _larger(*inputs, ends_of(layer.constant))


class MinimumConstantOperator(_ComparedConstant[MinimumConstant]):
    def bounds(self, layer: MinimumConstant, _node: fx.Node, *inputs: Range) -> Range:
        return _smaller(*inputs, ends_of(layer.constant))


def _larger(*ranges: Range) -> Range:
    return max(low for low, _ in ranges), max(high for _, high in ranges)


def _smaller(*ranges: Range) -> Range:
    return min(low for low, _ in ranges), min(high for _, high in ranges)
