"""Slices, concatenations, reorders and reshapes: integers are copied."""

from torch import fx

from micronet_edge.lowering.ir.primitives import Frame
from micronet_edge.quantization.operators.call import Layer
from micronet_edge.quantization.operators.constants import ends_of
from micronet_edge.quantization.operators.operator import Operator, ResultQParams, hull
from micronet_edge.quantization.qparams import Range


class MovementOperator(Operator[Layer]):
    result_qparams = ResultQParams.FROM_INPUTS

    def bounds(self, _layer: Layer, _node: fx.Node, *inputs: Range) -> Range:
        return hull(*inputs)


class FrameOperator(MovementOperator[Frame]):
    """Adds a border of a constant, which is rounded to the quantization parameters of the input."""

    def bounds(self, layer: Frame, _node: fx.Node, *inputs: Range) -> Range:
        return hull(*inputs, ends_of(layer.values))
