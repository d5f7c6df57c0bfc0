"""Small operations for training, each with the gradient that costs least."""

from typing import Any

import torch
from torch import Tensor


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Channel (g, i) becomes channel (i, g), in the memory format of `x`.

    Given    x [n, groups * c, h, w]
    Result   y [n, c * groups, h, w]

    PyTorch's own channel_shuffle loses the format when a gradient is wanted.
    """
    y: Tensor = _ChannelShuffle.apply(x, groups)  # type: ignore[no-untyped-call]
    return y


def spatial_mean(x: Tensor) -> Tensor:
    """The mean over all pixels, as adaptive_avg_pool2d computes it. Its gradient takes no memory.

    Given    x [n, c, h, w]
    Result   y [n, c, 1, 1]
    """
    y: Tensor = _SpatialMean.apply(x)  # type: ignore[no-untyped-call]
    return y


def relu6(x: Tensor) -> Tensor:
    """ReLU6 that keeps its output for the gradient, as the layer after it does anyway."""
    y: Tensor = _ReLU6.apply(x)  # type: ignore[no-untyped-call]
    return y


class _ReLU6(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401
        y = x.clamp(0, 6)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:  # noqa: ANN401
        (y,) = ctx.saved_tensors
        dx: Tensor = torch.ops.aten.hardtanh_backward(dy, y, 0, 6)
        return dx


class _ChannelShuffle(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, groups: int) -> Tensor:  # noqa: ANN401
        ctx.groups = groups
        return torch.native_channel_shuffle(x, groups)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return channel_shuffle(dy, dy.shape[1] // ctx.groups), None


class _SpatialMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401
        ctx.shape = x.shape
        return x.mean((2, 3), keepdim=True)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:  # noqa: ANN401
        dx: Tensor = dy / (ctx.shape[2] * ctx.shape[3])
        return dx.expand(ctx.shape)
