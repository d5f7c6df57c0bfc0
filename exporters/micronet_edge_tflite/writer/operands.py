"""The two operands of an elementwise layer: two tensors, or a tensor and the layer's constant."""

import numpy as np
from numpy.typing import NDArray
from torch import nn

from micronet_edge.lowering.ir.primitives import Constant
from micronet_edge.quantization.assign_qparams import constant_qparams
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge_tflite.writer.axis_order import Order
from micronet_edge_tflite.writer.call import Call


def operands(layer: nn.Module, call: Call, order: Order) -> list[int]:
    """What the layer adds or multiplies, as it broadcasts to a result in that order."""
    if not isinstance(layer, Constant):
        return [call.broadcast(place, order) for place in range(len(call.sources))]
    values = in_order(layer.constant.numpy(), order)
    if call.tensors.repeats:
        values = np.broadcast_to(values, call.shape_in(order))
    qparams = None if call.qparams is None else constant_qparams(layer, call.qparams)
    return [call.read(0, order), call.constant("constant", values, qparams)]


def in_order(values: NDArray[np.float32], order: Order) -> NDArray[np.float32]:
    """A constant as it broadcasts to a tensor in that order; a single number may stay without axes."""
    if values.size == 1 and values.ndim <= 1:
        return values
    lacking = len(order) - values.ndim
    return values.reshape([1] * lacking + list(values.shape)).transpose(order)


def number(call: Call, role: str, value: float, qparams: QuantParams | None = None) -> int:
    """A constant of one number."""
    return call.constant(role, np.full(1, value, np.float32), qparams)
