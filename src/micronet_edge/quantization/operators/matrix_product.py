"""The product of two computed matrices: int8 times int8, summed up in 32 bits."""

from torch import fx

from micronet_edge.lowering.ir.graph import inputs_of, shape_of
from micronet_edge.lowering.ir.primitives import MatrixProduct
from micronet_edge.quantization.operators.multiply import ProductOperator, product_of
from micronet_edge.quantization.qparams import Range


class MatrixProductOperator(ProductOperator[MatrixProduct]):
    def bounds(self, _layer: MatrixProduct, node: fx.Node, *inputs: Range) -> Range:
        low, high = product_of(*inputs)
        terms = shape_of(inputs_of(node)[0])[-1]
        return terms * low, terms * high
