"""Products: of two tensors, and of a tensor and a constant."""

from torch import Tensor, fx

from micronet_edge.lowering.ir.primitives import Multiply, MultiplyConstant
from micronet_edge.quantization.operators.call import Call, Layer
from micronet_edge.quantization.operators.constants import ConstantOperator, ends_of
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.qparams import Range


class ProductOperator(Operator[Layer]):
    """A product, or a sum of products, of the numbers of two tensors."""

    def accumulator_scale(self, call: Call[Layer]) -> float:
        first, second = call.inputs
        return first.scale * second.scale

    def in_integers(self, call: Call[Layer], *inputs: Tensor) -> Tensor:
        return call.arithmetic.product(super().in_integers(call, *inputs), call.inputs, call.result)


class MultiplyOperator(ProductOperator[Multiply]):
    def bounds(self, _layer: Multiply, _node: fx.Node, *inputs: Range) -> Range:
        return product_of(*inputs)


class MultiplyConstantOperator(ConstantOperator[MultiplyConstant]):
    def bounds(self, layer: MultiplyConstant, _node: fx.Node, *inputs: Range) -> Range:
        return product_of(inputs[0], ends_of(layer.constant))

    def accumulator_scale(self, call: Call[MultiplyConstant]) -> float:
        return call.inputs[0].scale * self.second_input(call).scale

    def in_integers(self, call: Call[MultiplyConstant], *inputs: Tensor) -> Tensor:
        qparams = (*call.inputs, self.second_input(call))
        return call.arithmetic.product(super().in_integers(call, *inputs), qparams, call.result)


def product_of(first: Range, second: Range) -> Range:
    """The range of the products of two numbers."""
    # Zero times infinity is zero here: what is zero is zero in every image.
    products = [0.0 if 0 in (a, b) else a * b for a in first for b in second]
    return min(products), max(products)
