"""Layers of files for TensorFlow Lite Micro that no other file has."""

import torch
from torch import Tensor, nn


class AveragePool(nn.AdaptiveAvgPool2d):
    """The mean of each channel as AVERAGE_POOL_2D gives it: on the quantization parameters of its input.

    Given    x [n, c, h, w]
    Result   y [n, c, 1, 1]
    """

    def __init__(self) -> None:
        super().__init__(1)


class CoefficientRows(nn.Module):
    """The coefficients of one fusion as the weight of a depthwise convolution, one row for each shift.

    Given    J coefficients, each [n, c, 1, 1]
    Result   w [n, c, J, 1]
    """

    def forward(self, *coefficients: Tensor) -> Tensor:
        return torch.cat(coefficients, dim=2)


class ShiftedSum(nn.Module):
    """The sum of the shifted inputs, each times its coefficients: a depthwise convolution of J taps.

    Given    weight [n, c, J, 1], J tensors, each [n, c, h, w]
    Result   y [n, c, h, w] = sum over j of weight[:, :, j] * x_j
    """

    def forward(self, weight: Tensor, *shifted: Tensor) -> Tensor:
        products = [weight[:, :, j : j + 1] * x for j, x in enumerate(shifted)]
        return torch.stack(products).sum(0)
