"""The stem in training, channels last: what PyTorch's kernels are slow at with so few channels.

Two of the operations take ten times as long as their arithmetic needs: batch norms of 3 to 6 channels, and
the input's gradient of a convolution of 3 or 4 groups. They take half the time of a training step of m1.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from micronet_edge.models.norm_function import batch_norm
from micronet_edge.models.training_functions import relu6

FEW = 8
"""Channels, from which on PyTorch's own kernels are faster."""


def train_layer(layer: nn.Module, x: Tensor) -> Tensor:
    """What `layer` makes of `x` in training, by a faster way where there is one for it."""
    if x.dtype == torch.float32 and _runs_plainly(layer, x):
        if isinstance(layer, nn.BatchNorm2d) and _is_usual_norm(layer):
            return batch_norm(x, layer)
        if isinstance(layer, nn.Conv2d) and 1 < layer.groups == layer.in_channels:
            return _convolution(x, layer)
    if type(layer) is nn.ReLU6 and not _is_watched(layer):
        return relu6(x)
    y: Tensor = layer(x)
    return y


def _is_watched(layer: nn.Module) -> bool:
    """Whether hooks would run with the layer."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(layer, kind) for kind in kinds)


def _runs_plainly(layer: nn.Module, x: Tensor) -> bool:
    """Whether nothing but the layer's own forward would run, on few channels that lie together."""
    return (
        x.device.type == "cpu"
        and x.shape[1] < FEW
        and x.numel() > x.shape[1]  # of a single pixel PyTorch refuses to take moments
        and x.is_contiguous(memory_format=torch.channels_last)
        and not torch.is_autocast_enabled("cpu")
        and not _is_watched(layer)
    )


def _is_usual_norm(norm: nn.BatchNorm2d) -> bool:
    return type(norm) is nn.BatchNorm2d and norm.training and norm.affine


def _convolution(x: Tensor, conv: nn.Conv2d) -> Tensor:
    y: Tensor = _Depthwise.apply(x, conv.weight, conv.stride, conv.padding)  # type: ignore[no-untyped-call]
    return y


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution whose input's gradient is that of the dense one with the same weights."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        weight: Tensor,
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return torch.conv2d(x, weight, None, stride, padding, 1, x.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:  # noqa: ANN401
        x, weight = ctx.saved_tensors
        channels = x.shape[1]
        found: list[Tensor | None] = [None, None]
        ways = ((_dense(weight, channels), 1), (weight, channels))
        for place, (each, groups) in enumerate(ways):
            if ctx.needs_input_grad[place]:
                wanted = [place == 0, place == 1, False]
                found[place] = torch.ops.aten.convolution_backward(
                    dy, x, each, None, ctx.stride, ctx.padding, [1, 1], 0, [0, 0], groups, wanted
                )[place]
        return found[0], found[1], None, None


def _dense(weight: Tensor, channels: int) -> Tensor:
    """The weights [out, channels, kh, kw] of the dense convolution that computes the depthwise one."""
    outputs = torch.arange(len(weight))
    dense = weight.new_zeros(len(weight), channels, *weight.shape[2:])
    dense[outputs, outputs // (len(weight) // channels)] = weight[:, 0]
    return dense
