"""Sums and products of integers, requantized to the last bit as the runtimes do it."""

from collections.abc import Sequence
from math import frexp

import numpy as np
import torch
from torch import Tensor

from micronet_edge.quantization.qparams import QuantParams

_BITS = 20
"""Bits of the larger of the two factors, behind its first one."""

_NEAR_TIE = 1e-3
"""Distance that a number keeps from a tie, in units of the scale: float32 cannot carry it back across."""

_EXACT = 1 << 24
"""Up to here float32 holds every integer."""

_FLOAT32_ERROR = 0.01
"""An integer of 16 bits, divided in float32, is off by less than this."""


def integer_sum(
    levels: Sequence[Tensor], tensor_qparams: Sequence[QuantParams], result: QuantParams
) -> Tensor:
    """The sum of two tensors, rounded to integers of the result and dequantized, but not saturated yet.

    XNNPACK multiplies the integers by a factor that is a multiple of 2^-shift, adds and rounds half up. About
    three of 10,000 sums differ from those with exact factors.

    Args:
        levels: the integers of each tensor, less its zero point.
        tensor_qparams: of each tensor.
        result: the quantization parameters of the sum.

    Source: XNNPACK, xnn_init_qs8_add_minmax_scalar_params.
    """
    ratios = [float(np.float32(qparams.scale) / np.float32(result.scale)) for qparams in tensor_qparams]
    shift = _BITS - (frexp(max(ratios))[1] - 1)
    total = torch.full((), 2.0 ** (shift - 1), dtype=torch.float64)
    for values, ratio in zip(levels, ratios, strict=True):
        total = total + values.detach().double() * round(ratio * 2.0**shift)  # exact: below 2^53
    return total.mul_(2.0**-shift).floor_().to(levels[0].dtype).mul_(result.scale)


def integer_product(product: Tensor, tensor_qparams: Sequence[QuantParams], result: QuantParams) -> Tensor:
    """The product of two tensors of int8, or a sum of a few products, rounded like `integer_sum`.

    XNNPACK multiplies the integer product by one factor in float32 and rounds half to even. Gradients pass.

    Args:
        product: in real numbers, exact enough to give its integers.
        tensor_qparams: of both tensors.
        result: the quantization parameters of the product.

    Source: XNNPACK, xnn_qs8_vmul_minmax_fp32_ukernel__scalar_u1.
    """
    first, second = (np.float32(qparams.scale) for qparams in tensor_qparams)
    scale, factor = float(first * second), float(first * second / np.float32(result.scale))
    integers = (product.detach() / scale).round_()
    return straight_through(product, integers.mul_(factor).round_().mul_(result.scale))


def requantized(
    sums: Tensor, bias: Tensor | None, factors: Tensor, result: QuantParams, axis: int = 1
) -> Tensor:
    """The sums of a convolution or a linear layer in real numbers, before they are rounded to the result.

    A product of a sum and its factor that is near a tie moves away from it, to the side on which float32 has
    rounded it. Rounding the real number then gives the same integer.

    Args:
        sums: integers, [n, c, ...].
        bias: integers, [c].
        factors: of each channel, float32, [c].
        result: the quantization parameters of the result.
        axis: that of the channels: 1, or -1 for the last.
    """
    shape = (-1, *[1] * (0 if axis < 0 else sums.ndim - 2))
    if bias is not None:
        small = bool((bias.detach().abs() < _EXACT / 2).all())
        # Rounding twice may differ from rounding once: a large bias is added exactly first.
        sums = sums + bias.view(shape) if small else (sums.double() + bias.double().view(shape)).float()
    scaled = sums * factors.view(shape)
    with torch.no_grad():
        nearest = scaled.round()
        off_tie = (scaled - nearest).clamp_(_NEAR_TIE - 0.5, 0.5 - _NEAR_TIE).add_(nearest)
    return straight_through(scaled, off_tie) * result.scale


def rounded(values: Tensor, qparams: QuantParams) -> Tensor:
    """The nearest numbers that integers stand for; the gradient is 1 inside the range and 0 outside."""
    result: Tensor = torch.fake_quantize_per_tensor_affine(
        values, qparams.scale, qparams.zero_point, qparams.lowest, qparams.highest
    )
    return result


def straight_through(value: Tensor, found: Tensor) -> Tensor:
    """The tensor `found`, with the gradient of the value."""
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
