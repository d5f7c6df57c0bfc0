"""Sums and products of integers on the grid of their result, to the last bit as the runtimes compute them."""

from collections.abc import Sequence
from math import frexp

import numpy as np
import torch
from torch import Tensor

from micronet_edge.quantization.qparams import QuantParams

_BITS = 20
"""Bits of the larger of the two factors, behind its first one."""

_NEAR_TIE = 1e-3
"""Steps that a number keeps from a tie: float32 cannot carry it back across."""

_EXACT = 1 << 24
"""Up to here float32 holds every whole number."""

_FLOAT32_ERROR = 0.01
"""An integer of 16 bits, divided in float32, is off by less than this."""


def integer_sum(
    steps: Sequence[Tensor], tensor_qparams: Sequence[QuantParams], result: QuantParams
) -> Tensor:
    """The sum, on the result's grid but not cut off yet.

    Given    two tensors of whole numbers, in steps of their grids, and the grid of their sum
    Result   each tensor's integers times a factor that is a whole number of 2^-shift, added and rounded, half
             up. Of 10,000 sums some three come out otherwise than without the rounding of the factors.

    Source: XNNPACK, xnn_init_qs8_add_minmax_scalar_params.
    """
    ratios = [float(np.float32(qparams.scale) / np.float32(result.scale)) for qparams in tensor_qparams]
    shift = _BITS - (frexp(max(ratios))[1] - 1)
    total = torch.full((), 2.0 ** (shift - 1), dtype=torch.float64)
    for values, ratio in zip(steps, ratios, strict=True):
        total = total + values.detach().double() * round(ratio * 2.0**shift)  # without an error: below 2^53
    return total.mul_(2.0**-shift).floor_().to(steps[0].dtype).mul_(result.scale)


def integer_product(product: Tensor, tensor_qparams: Sequence[QuantParams], result: QuantParams) -> Tensor:
    """The product, or sum of a few products, of two tensors of bytes: on the result's grid, not cut off yet.

    Given    the product in real numbers, which float32 holds to less than half a step of it; the grids of
             both tensors and of their product
    Result   the integers times one factor in float32, rounded half to even; gradients pass

    Source: XNNPACK, xnn_qs8_vmul_minmax_fp32_ukernel__scalar_u1.
    """
    first, second = (np.float32(qparams.scale) for qparams in tensor_qparams)
    step, factor = float(first * second), float(first * second / np.float32(result.scale))
    whole = (product.detach() / step).round_()
    return straight_through(product, whole.mul_(factor).round_().mul_(result.scale))


def requantized(sums: Tensor, bias: Tensor | None, factors: Tensor, result: QuantParams) -> Tensor:
    """The sums of a convolution or a linear layer in real numbers, to be rounded to the result's grid.

    Given    whole numbers [n, c, ...], whole numbers to be added [c], a factor for each channel [c], float32
    Result   the same as sums times factors, but for those near a tie: float32 has rounded these, and they
             keep away from the tie on that side, so that rounding in real numbers gives the same integer.
    """
    shape = (1, -1, *[1] * (sums.ndim - 2))
    if bias is not None:
        small = bool((bias.detach().abs() < _EXACT / 2).all())
        # What is rounded twice is rounded otherwise: a large bias is added without an error first.
        sums = sums + bias.view(shape) if small else (sums.double() + bias.double().view(shape)).float()
    steps = sums * factors.view(shape)
    with torch.no_grad():
        nearest = steps.round()
        off_tie = (steps - nearest).clamp_(_NEAR_TIE - 0.5, 0.5 - _NEAR_TIE).add_(nearest)
    return straight_through(steps, off_tie) * result.scale


def straight_through(value: Tensor, found: Tensor) -> Tensor:
    """What was found, with the gradient of the value."""
    passes = torch.is_grad_enabled() and value.requires_grad
    return value + (found - value).detach() if passes else found


def whole(values: Tensor) -> Tensor:
    """The values without float32's error where they stand for integers; gradients pass.

    Others stay: the sensitivity analysis leaves single tensors unrounded.
    """
    nearest = values.detach().round()
    if not _is_close(nearest, values):
        nearest = torch.where((nearest - values).abs() < _FLOAT32_ERROR, nearest, values.detach())
    return straight_through(values, nearest)


def are_whole(values: Tensor) -> bool:
    """Whether all values stand for integers."""
    return _is_close(values.detach().round(), values)


def _is_close(values: Tensor, others: Tensor) -> bool:
    return float(torch.linalg.vector_norm((values - others).detach(), torch.inf)) < _FLOAT32_ERROR
