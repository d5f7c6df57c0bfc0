"""The numbers inside of a fused activation, to the last bit as our kernels compute them."""

import numpy as np
import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import inputs_of
from micronet_edge.quantization.integer_arithmetic import straight_through
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name


def channel_means(steps: Tensor, qparams: QuantParams) -> Tensor:
    """The mean of each channel in real numbers.

    Given    whole numbers [n, c, h, w] in steps of their grid, of which no channel's sum leaves 24 bits
    Result   means [n, c, 1, 1]

    Source: kernels/native/core/activation.cpp, Activation::means.
    """
    pixels = steps.shape[2] * steps.shape[3]
    sums = steps.sum((2, 3), keepdim=True) + float(qparams.zero_point * pixels)
    return (sums / pixels - qparams.zero_point) * qparams.scale


def matrix_product(exact: Tensor, x: Tensor, weight: Tensor, scales: Tensor, bias: Tensor) -> Tensor:
    """What a matrix makes of a column: products are added one after the other, and then scaled.

    Given    the result in real numbers [n, o, 1, 1], whose gradient passes; x [n, i, 1, 1], a weight [o, i]
             of whole numbers, scales [o] and a bias [o]

    Source: kernels/native/core/loops.h, add_products_in_blocks, and plain.h, finish.
    """
    with torch.no_grad():
        sums = torch.zeros(len(x), len(weight))
        for column, row in zip(x.flatten(1).T, weight.T, strict=True):
            sums += column[:, None] * row
        result = (sums * scales + bias).view_as(exact)
    return straight_through(exact, result)


def result_factor(quantized: QuantizedNetwork, node: fx.Node) -> float:
    """By what a sum of whole products becomes steps of the activation's result, which the node gives.

    Source: kernels/native/core/activation.cpp, Activation::of_int8.
    """
    inner, x, steps = [node], None, None
    for each in inner:
        for source in inputs_of(each):
            tensor = quantized.fused_layers.get(tensor_name(source))
            if tensor is None:
                x = source
            elif tensor.steps is None:
                inner.append(source)
            else:
                steps = tensor.steps
    assert x is not None
    assert steps is not None
    return float(np.float32(quantized.qparams(x).scale / steps / quantized.qparams(node).scale))
