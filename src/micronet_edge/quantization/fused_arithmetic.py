"""The arithmetic of a fused Dynamic Shift-Max, to the last bit as our kernels compute it."""

import numpy as np
import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import inputs_of
from micronet_edge.quantization.integer_arithmetic import straight_through
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name


def channel_means(levels: Tensor, qparams: QuantParams) -> Tensor:
    """The mean of each channel in real numbers, [n, c, 1, 1].

    Args:
        levels: integers less the zero point, [n, c, h, w]. The sum of a channel fits into 24 bits.
        qparams: their quantization parameters.

    Source: kernels/native/core/activation.cpp, Activation::means.
    """
    pixels = levels.shape[2] * levels.shape[3]
    sums = levels.sum((2, 3), keepdim=True) + float(qparams.zero_point * pixels)
    return (sums / pixels - qparams.zero_point) * qparams.scale


def matrix_product(exact: Tensor, x: Tensor, weight: Tensor, scales: Tensor, bias: Tensor) -> Tensor:
    """The product of a matrix and a column: products are added one after the other, and then scaled.

    Args:
        exact: the result in real numbers, [n, o, 1, 1], whose gradient passes.
        x: real numbers, [n, i, 1, 1].
        weight: integers, [o, i].
        scales: of the weight, [o].
        bias: real numbers, [o].

    Source: kernels/native/core/loops.h, add_products_in_blocks, and plain.h, finish.
    """
    with torch.no_grad():
        sums = torch.zeros(len(x), len(weight))
        for column, row in zip(x.flatten(1).T, weight.T, strict=True):
            sums += column[:, None] * row
        result = (sums * scales + bias).view_as(exact)
    return straight_through(exact, result)


def result_factor(quantized: QuantizedNetwork, node: fx.Node) -> float:
    """The factor from a sum of integer products to the integers of the result, less the zero point.

    Source: kernels/native/core/activation.cpp, Activation::of_int8.
    """
    inner, x, inverse_scale = [node], None, None
    for each in inner:
        for source in inputs_of(each):
            tensor = quantized.fused_layers.get(tensor_name(source))
            if tensor is None:
                x = source
            elif tensor.inverse_scale is None:
                inner.append(source)
            else:
                inverse_scale = tensor.inverse_scale
    assert x is not None
    assert inverse_scale is not None
    return float(np.float32(quantized.qparams(x).scale / inverse_scale / quantized.qparams(node).scale))
