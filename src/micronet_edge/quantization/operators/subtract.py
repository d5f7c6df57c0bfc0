"""The difference of two tensors: a sum with the second one's integers negated."""

from torch import Tensor, fx

from micronet_edge.lowering.ir.primitives import Subtract
from micronet_edge.quantization.operators.add import SMALLEST_RATIO
from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.qparams import Range


class SubtractOperator(Operator[Subtract]):
    smallest_input_ratio = SMALLEST_RATIO

    def bounds(self, _layer: Subtract, _node: fx.Node, *inputs: Range) -> Range:
        (low, high), (least, most) = inputs
        return low - most, high - least

    def accumulator_scale(self, call: Call[Subtract]) -> float:
        return max(each.scale for each in call.inputs)

    def in_integers(self, call: Call[Subtract], *inputs: Tensor) -> Tensor:
        x, y = inputs
        return call.arithmetic.total(x - y, (x, -y), call.inputs, call.result)
