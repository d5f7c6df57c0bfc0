"""Layers with one constant tensor."""

import torch
from torch import Tensor, nn


class Constant(nn.Module):
    """Base class of layers with one constant tensor."""

    def __init__(self, constant: Tensor) -> None:
        super().__init__()
        self.register_buffer("constant", constant.detach().clone())
        self.constant: Tensor


class AddConstant(Constant):
    """The tensor plus a constant that is the same for every image."""

    def forward(self, x: Tensor) -> Tensor:
        return x + self.constant


class MultiplyConstant(Constant):
    """The tensor times a constant."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.constant


class Denormalize(nn.Module):
    """The pixels of a normalized image: times the deviation, plus the mean.

    It stands where a file starts, which takes pixels; no file holds it.
    """

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.detach().clone())
        self.register_buffer("std", std.detach().clone())
        self.mean: Tensor
        self.std: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.std + self.mean


class MaximumConstant(Constant):
    """The larger one of the tensor's numbers and a constant."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, self.constant)


class MinimumConstant(Constant):
    """The smaller one of the tensor's numbers and a constant."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.minimum(x, self.constant)


class StoredTensor(Constant):
    """The same tensor [1, ...] for every image, such as a class token.

    Given    x [n, ...], of which only the number of images matters
    Result   y [n, ...]
    """

    def forward(self, x: Tensor) -> Tensor:
        return self.constant.expand(len(x), *self.constant.shape[1:])
