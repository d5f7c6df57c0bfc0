"""Slices, concatenations, reorders and reshapes: integers are copied."""

from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.primitives import Frame, Pad
from micronet_edge.quantization.operators.call import Call, Layer
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


class PadOperator(MovementOperator[Pad]):
    """Adds a border of one number, of which the range of the input holds the nearest; zero is in any."""

    def bounds(self, layer: Pad, _node: fx.Node, *inputs: Range) -> Range:
        return hull(*inputs) if layer.value is None else hull(*inputs, (layer.value, layer.value))

    def in_integers(self, call: Call[Pad], *inputs: Tensor) -> Tensor:
        layer, result = call.layer, call.result
        if layer.value is None:
            return super().in_integers(call, *inputs)
        padded: Tensor = Pad(layer.sides, min(max(layer.value, result.low), result.high))(*inputs)
        return padded


class AveragePoolOperator(MovementOperator[nn.AvgPool2d]):
    """The means of windows on the levels of the input, which integer kernels do not rescale.

    Zeros of a padding may be among the numbers of a window.

    Source: TensorFlow Lite, kernels/pooling.cc, which checks that input and result have the same scale.
    """

    def bounds(self, _layer: nn.AvgPool2d, _node: fx.Node, *inputs: Range) -> Range:
        return hull(*inputs, (0.0, 0.0))
