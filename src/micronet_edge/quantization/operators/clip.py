"""Clips: ReLU, and Hardtanh with ReLU6. The saturation of the operator before a clip does the same."""

import numpy as np
from torch import Tensor, fx, nn

from micronet_edge.quantization.operators.call import Call, Layer
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.qparams import QuantParams, Range


class ClipOperator(Operator[Layer]):
    is_clip = True


class ReluOperator(ClipOperator[nn.ReLU]):
    def bounds(self, _layer: nn.ReLU, _node: fx.Node, *inputs: Range) -> Range:
        ((low, high),) = inputs
        return max(low, 0.0), max(high, 0.0)


class HardtanhOperator(ClipOperator[nn.Hardtanh]):
    def bounds(self, layer: nn.Hardtanh, _node: fx.Node, *inputs: Range) -> Range:
        least, most = float(layer.min_val), float(layer.max_val)
        ((low, high),) = inputs
        return min(max(low, least), most), min(max(high, least), most)

    def in_integers(self, call: Call[nn.Hardtanh], *inputs: Tensor) -> Tensor:
        (value,) = inputs
        return value.clamp(*quantized_ends(call.layer, call.result))


def quantized_ends(clip: nn.Hardtanh, qparams: QuantParams) -> Range:
    """The ends of the clip, rounded to integers as a file stores them, and dequantized."""
    ends = qparams.integers(np.array([clip.min_val, clip.max_val], np.float32)) - qparams.zero_point
    low, high = (float(end) * qparams.scale for end in ends)
    return low, high
