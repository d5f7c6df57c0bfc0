"""What operators of a tensor and a constant have in common."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from micronet_edge.lowering.ir.primitives import Constant
from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.qparams import QuantParams, Range, activation_qparams

ConstantLayer = TypeVar("ConstantLayer", bound=Constant)


class ConstantOperator(Operator[ConstantLayer]):
    """The constant is a second input, quantized by its own smallest and largest number."""

    def stored(self, call: Call[ConstantLayer]) -> Mapping[str, Tensor]:
        return {"constant": dequantized(call.layer.constant, self.second_input(call))}

    def second_input(self, call: Call[ConstantLayer]) -> QuantParams:
        """The quantization parameters of the constant."""
        return self.constant_qparams(call.layer, call.result)

    def constant_qparams(self, layer: ConstantLayer, result: QuantParams) -> QuantParams:
        """The same; `result` are those of the layer's result."""
        return constant_range_qparams(layer.constant, result, self.smallest_input_ratio)


def constant_range_qparams(constant: Tensor, result: QuantParams, smallest_ratio: float) -> QuantParams:
    """The quantization parameters of a constant, with a scale of at least this part of the result's."""
    low, high = ends_of(constant)
    low = min(0.0, low)
    widest = low + result.scale * smallest_ratio * ((1 << result.bits) - 1)
    return activation_qparams(low, max(high, widest), result.bits)


def ends_of(constant: Tensor) -> Range:
    """The smallest and the largest number of a constant."""
    return float(constant.min()), float(constant.max())


def dequantized(constant: Tensor, qparams: QuantParams) -> Tensor:
    """The numbers that a file's integers stand for."""
    levels = qparams.integers(constant.numpy()) - qparams.zero_point
    return torch.from_numpy(np.asarray(levels * qparams.scale, np.float32))
