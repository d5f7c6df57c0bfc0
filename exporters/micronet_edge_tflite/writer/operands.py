"""The two operands of an elementwise layer: two tensors, or a tensor and the layer's constant."""

import numpy as np
from torch import nn

from micronet_edge.lowering.ir.primitives import Constant
from micronet_edge.quantization.assign_qparams import constant_qparams
from micronet_edge_tflite.writer.call import Call


def operands(layer: nn.Module, call: Call) -> list[int]:
    """What the layer adds or multiplies; a constant [n, c, h, w] has its channels last in the file."""
    if not isinstance(layer, Constant):
        return call.inputs
    values = layer.constant.numpy()
    last = np.moveaxis(values, 1, -1) if values.ndim > 1 else values
    if call.tensors.repeats:
        last = np.broadcast_to(last, call.shape)
    qparams = None if call.qparams is None else constant_qparams(layer, call.qparams)
    return [*call.inputs, call.constant("constant", last, qparams)]
