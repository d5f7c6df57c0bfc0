"""Functions of each number by itself that torch.nn has no layer for."""

from torch import Tensor, nn


class Absolute(nn.Module):
    """The magnitude of each number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class SquareRoot(nn.Module):
    """The square root of each number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sqrt()


class ReciprocalSquareRoot(nn.Module):
    """One divided by the square root of each number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.rsqrt()


class Exponential(nn.Module):
    """e to the power of each number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.exp()


class Logarithm(nn.Module):
    """The natural logarithm of each number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.log()
