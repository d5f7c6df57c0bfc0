"""Sums, differences, products, quotients and bounds of two tensors."""

import torch
from torch import Tensor, nn


class Add(nn.Module):
    """The sum of two tensors, whose shapes may broadcast."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Subtract(nn.Module):
    """The first tensor minus the second; their shapes may broadcast."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x - y


class Multiply(nn.Module):
    """The product of two tensors, whose shapes may broadcast."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x * y


class Divide(nn.Module):
    """The first tensor divided by the second; their shapes may broadcast."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x / y


class Maximum(nn.Module):
    """The elementwise maximum of two tensors."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.maximum(x, y)


class Minimum(nn.Module):
    """The elementwise minimum of two tensors."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.minimum(x, y)
