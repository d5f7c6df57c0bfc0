"""An activation and the shuffles after it in training, as one pass of the compiled loops.

A shuffle alone moves single numbers: in PyTorch it takes ten times as long as an activation's arithmetic.
Here the activation writes its channels in the order in which the last shuffle leaves them.

Source: arXiv 2108.05894, section 4, equation 6 (Dynamic Shift-Max) and section 3.1 (the shuffles).
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

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


@dataclass(frozen=True)
class Coefficients:
    """How the coefficients of a Dynamic Shift-Max follow from the means of its channels.

    Attributes:
        squeeze: the layer to a hidden width, before a ReLU.
        excite: the layer to all coefficients, before a hard sigmoid.
        width: of a coefficient's interval.
        initial: the middle of the interval, [K, J, 1].
    """

    squeeze: nn.Linear
    excite: nn.Linear
    width: float
    initial: Tensor

    def can_run(self, x: Tensor) -> bool:
        """Whether nothing but two usual layers of the type of x would run."""
        layers = (self.squeeze, self.excite)
        usual = all(type(layer) is nn.Linear and not is_watched(layer) for layer in layers)
        return (
            usual
            and all(layer.weight.dtype == x.dtype and layer.bias is not None for layer in layers)
            and not torch.is_autocast_enabled("cpu")
        )


def fused_dynamic_shift_max(x: Tensor, coefficients: Coefficients, order: Order) -> Tensor:
    """Dynamic Shift-Max with its coefficients, its channels in a given order, differentiable once.

    Given    x [n, c, h, w], as `can_fuse` and `coefficients.can_run` want it
    Result   y [n, c, h, w], equal bit for bit to the plain form
    """
    squeeze, excite = coefficients.squeeze, coefficients.excite
    weights = squeeze.weight, squeeze.bias, excite.weight, excite.bias
    y: Tensor = _DynamicShiftMax.apply(x, *weights, coefficients, order)  # type: ignore[no-untyped-call]
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


def can_fuse(x: Tensor, fusions: int, shifts: int) -> bool:
    """Whether the compiled loops take a Dynamic Shift-Max of this map."""
    return fusions <= MOST_FUSIONS and shifts <= MOST_SHIFTS and training_kernels.can_run(x)


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


class _DynamicShiftMax(torch.autograd.Function):
    """Some thirty small operations of autograd, and a pass over the map to add the means' gradient, less."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *given: Any) -> Tensor:  # noqa: ANN401
        squeeze, squeeze_bias, excite, excite_bias, coefficients, order = given
        means = x.mean((2, 3))
        hidden = torch.addmm(squeeze_bias, means, squeeze.t()).relu_()
        raw = torch.addmm(excite_bias, hidden, excite.t())
        a = functional.hardsigmoid(raw).sub_(0.5).mul_(coefficients.width)
        a = a.view(len(x), *coefficients.initial.shape[:2], -1).add_(coefficients.initial)
        y = torch.empty_like(x)
        _loops().shift_max(order, (a, x, y))
        ctx.save_for_backward(x, squeeze, excite, means, hidden, raw, a)
        ctx.order, ctx.width = order, coefficients.width
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x, squeeze, excite, means, hidden, raw, a = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx, da = torch.empty_like(x) if ctx.needs_input_grad[0] else None, torch.empty_like(a)
        _loops().shift_max(ctx.order, (a, x, dy), (dx, da))
        draw = torch.ops.aten.hardsigmoid_backward(da.view_as(raw).mul_(ctx.width), raw)
        dhidden = torch.ops.aten.threshold_backward(draw.mm(excite), hidden, 0)
        if dx is not None:
            dx += dhidden.mm(squeeze).div_(x.shape[2] * x.shape[3])[:, :, None, None]
        return dx, dhidden.t().mm(means), dhidden.sum(0), draw.t().mm(hidden), draw.sum(0), None, None


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
