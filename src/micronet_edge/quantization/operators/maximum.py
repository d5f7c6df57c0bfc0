"""The larger of two tensors."""

from torch import fx

from micronet_edge.lowering.ir.primitives import Maximum
from micronet_edge.quantization.operators.operator import Operator, ResultQParams
from micronet_edge.quantization.qparams import Range


class MaximumOperator(Operator[Maximum]):
    """Compares integers, so that its inputs share the quantization parameters of its result.

    A number below the range of the result never is the maximum, so nothing is rounded twice.
    """

    result_qparams = ResultQParams.SHARED

    def bounds(self, _layer: Maximum, _node: fx.Node, *inputs: Range) -> Range:
        return max(low for low, _ in inputs), max(high for _, high in inputs)
