"""Clips: ReLU, and Hardtanh with ReLU6. The saturation of the operator before a clip does the same."""

import numpy as np
from torch import Tensor, fx, nn

from micronet_edge.quantization.operators.call import Call, Layer
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.qparams import QuantParams, Range
from micronet_edge.quantization.stored_weights import applied


class ClipOperator(Operator[Layer]):
    """A clip that stands alone is a function of each number."""

    is_clip = True

    def in_integers(self, call: Call[Layer], *inputs: Tensor) -> Tensor:
        (x,) = inputs
        return call.arithmetic.function(call, self.clipped(call, x), x)

    def clipped(self, call: Call[Layer], x: Tensor) -> Tensor:
        """The clipped numbers, before they are rounded."""
        return applied(call.layer, self.stored(call), x)


class ReluOperator(ClipOperator[nn.ReLU]):
    def bounds(self, _layer: nn.ReLU, _node: fx.Node, *inputs: Range) -> Range:
        ((low, high),) = inputs
        return max(low, 0.0), max(high, 0.0)


class HardtanhOperator(ClipOperator[nn.Hardtanh]):
    def bounds(self, layer: nn.Hardtanh, _node: fx.Node, *inputs: Range) -> Range:
        least, most = float(layer.min_val), float(layer.max_val)
        ((low, high),) = inputs
        return min(max(low, least), most), min(max(high, least), most)

    def clipped(self, call: Call[nn.Hardtanh], x: Tensor) -> Tensor:
        return x.clamp(*quantized_ends(call.layer, call.result))


def quantized_ends(clip: nn.Hardtanh, qparams: QuantParams) -> Range:
    """The ends of the clip, rounded to integers as a file stores them, and dequantized."""
    ends = qparams.integers(np.array([clip.min_val, clip.max_val], np.float32)) - qparams.zero_point
    low, high = (float(end) * qparams.scale for end in ends)
    return low, high
