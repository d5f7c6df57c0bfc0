"""An activation and the shuffles after it in training, as one pass of the compiled loops.

A shuffle alone moves single numbers: in PyTorch it takes ten times as long as an activation's arithmetic.
Here the activation writes its channels in the order in which the last shuffle leaves them.

Source: arXiv 2108.05894, section 4, equation 6 (Dynamic Shift-Max) and section 3.1 (the shuffles).
"""

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from micronet_edge.models import training_kernels
from micronet_edge.models.training_kernels import MOST_FUSIONS, MOST_SHIFTS, Order

UNBOUNDED = (-math.inf, math.inf)
"""The ends of what is not clipped."""


def fused_shift_max(x: Tensor, coefficients: Tensor, order: Order) -> Tensor:
    """Dynamic Shift-Max with given coefficients, its channels in a given order, differentiable once.

    Given    x [n, c, h, w], as `training_kernels.can_run` wants it
             coefficients [n, K, J, c], in the activation's own order, of the same type
    Result   y [n, c, h, w], equal bit for bit to the plain form

    Gradients are those of torch.maximum: half each where two sums are equal.
    """
    y: Tensor = _ShiftMax.apply(x, coefficients.contiguous(), order)  # type: ignore[no-untyped-call]
    return y


def fused_clip(x: Tensor, order: Order, ends: tuple[float, float]) -> Tensor:
    """X clipped to `ends`, its channels in a given order.

    Given    x [n, c, h, w], as `training_kernels.can_run` wants it
    Result   y [n, c, h, w]
    """
    y: Tensor = _Clip.apply(x, order, ends)  # type: ignore[no-untyped-call]
    return y


@cache
def order_after(
    count: int, sources: tuple[tuple[int, ...], ...], shuffles: tuple[tuple[int, ...], ...]
) -> Order:
    """The order of `count` channels after `shuffles`, each given as the channels that it reads.

    `sources` are the channels that a Dynamic Shift-Max before them reads, [J][count].
    """
    channels = tuple(range(count))
    for shuffle in shuffles:
        channels = tuple(channels[source] for source in shuffle)
    return Order(channels, tuple(tuple(row[channel] for channel in channels) for row in sources))


def can_fuse(x: Tensor, coefficients: Tensor) -> bool:
    """Whether the compiled loops take this Dynamic Shift-Max."""
    _, fusions, shifts, _ = coefficients.shape
    small = fusions <= MOST_FUSIONS and shifts <= MOST_SHIFTS
    return small and x.dtype == coefficients.dtype and training_kernels.can_run(x)


def is_watched(layer: nn.Module) -> bool:
    """Whether hooks would run with the layer or with one in it."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(each, kind) for each in layer.modules() for kind in kinds)


def _loops() -> training_kernels.TrainingLibrary:
    found = training_kernels.library()
    assert found is not None  # can_run has looked
    return found


class _ShiftMax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, coefficients: Tensor, order: Order) -> Tensor:  # noqa: ANN401
        y = torch.empty_like(x)
        _loops().shift_max(order, (coefficients, x, y))
        ctx.save_for_backward(x, coefficients)
        ctx.order = order
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # noqa: ANN401
        x, coefficients = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        da = torch.empty_like(coefficients) if ctx.needs_input_grad[1] else None
        _loops().shift_max(ctx.order, (coefficients, x, dy), (dx, da))
        return dx, da, None


class _Clip(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Order, ends: tuple[float, float]) -> Tensor:  # noqa: ANN401
        y = torch.empty_like(x)
        _loops().reorder(order, ends, x, y)
        ctx.order, ctx.ends = order, ends
        if ends != UNBOUNDED:
            ctx.save_for_backward(y)  # as the layer after it does anyway
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        y = ctx.saved_tensors[0] if ctx.saved_tensors else None
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx = torch.empty_like(dy)
        _loops().reorder(ctx.order, ctx.ends, y, dy, dx)
        return dx, None, None
