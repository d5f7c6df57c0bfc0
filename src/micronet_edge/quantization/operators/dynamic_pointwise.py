"""A pointwise convolution whose weight depends on the image: the product with a matrix of coefficients."""

from torch import fx

from micronet_edge.lowering.ir.graph import inputs_of, module_of, shape_of
from micronet_edge.lowering.ir.primitives import DynamicPointwise, DynamicPointwiseWeight
from micronet_edge.quantization.operators.multiply import ProductOperator, product_of
from micronet_edge.quantization.operators.operator import Operator, ResultQParams, hull
from micronet_edge.quantization.qparams import Range


class DynamicPointwiseOperator(ProductOperator[DynamicPointwise]):
    def bounds(self, _layer: DynamicPointwise, node: fx.Node, *inputs: Range) -> Range:
        low, high = product_of(*inputs)
        _, matrix = inputs_of(node)
        # Each output has as many coefficients as shifts are mixed; any other matrix may have no zeros.
        layer = module_of(matrix)
        terms = len(layer.sources) if isinstance(layer, DynamicPointwiseWeight) else int(shape_of(matrix)[1])
        return terms * min(low, 0.0), terms * max(high, 0.0)


class DynamicPointwiseWeightOperator(Operator[DynamicPointwiseWeight]):
    """Moves coefficients into a matrix of zeros, so that they share the matrix's quantization parameters.

    A runtime multiplies only by a matrix with a zero point of 0.
    """

    result_qparams = ResultQParams.SHARED
    is_symmetric = True

    def bounds(self, _layer: DynamicPointwiseWeight, _node: fx.Node, *inputs: Range) -> Range:
        return hull((0.0, 0.0), *inputs)
