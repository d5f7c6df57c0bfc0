"""From int32 sums to int8 by one multiplication, rounded once and half up."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from micronet_edge.quantization.qparams import Integers

POINT = 31
"""A multiplier m stands for the factor m / 2^31."""

MULTIPLIER_LIMIT = 1 << 30
"""All multipliers are below: an instruction that doubles them still takes int32."""

NEAR_TIE = 1e-3
"""Distance that a number keeps from a tie, in units of the scale: float32 cannot carry it back across."""

NEAR_TIE_OF_16_BITS = 0.25
"""The same where integers have 16 bits, of which float32 is off by more."""

_LOWEST, _HIGHEST = -(2.0**31), 2.0**31 - 1

_CHUNK = 1 << 20
"""Numbers in float64 at a time, so that they stay in the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Requantization:
    """The constants of one requantization.

    Given    an int32 sum of output o
    Result   min(max(floor((s * multipliers[o] + 2^30) / 2^31) + zero_point, low), high),
             s = sum * 2^shift, saturated to int32

    Attributes:
        multipliers: int32, [n], or [1] if all outputs share it; each is at least 0 and below 2^30.
        shift: at least 0, and nearly always 0.
        zero_point: of the result.
        low: the smallest result: where a clip ends that rides along.
        high: the largest.
    """

    multipliers: Integers
    shift: int
    zero_point: int
    low: int
    high: int


def requantization(factors: ArrayLike, zero_point: int, low: int, high: int) -> Requantization:
    """The requantization that multiplies the sums by these factors.

    Args:
        factors: scale of the sum / scale of the result, each at least 0, [n].
        zero_point: of the result.
        low: the smallest result.
        high: the largest result.
    """
    exact = np.atleast_1d(np.asarray(factors, np.float64))
    shift = next(
        (each for each in range(POINT) if np.rint(exact.max() * 2.0 ** (POINT - each)) < MULTIPLIER_LIMIT),
        POINT,
    )
    with np.errstate(invalid="ignore"):  # a training that diverges is noticed by its caller
        multipliers = np.rint(exact * 2.0 ** (POINT - shift)).clip(0, MULTIPLIER_LIMIT - 1).astype(np.int32)
    return Requantization(multipliers, shift, zero_point, low, high)


def requantized_sums(
    sums: Tensor,
    constants: Requantization,
    bias: Integers | None = None,
    near_tie: float = NEAR_TIE,
    axis: int = 1,
) -> Tensor:
    """The requantized sums in units of the result's scale, less its zero point, not rounded and not clipped.

    Rounding them to the nearest integer, and then clipping them, gives the integers: what is near a tie moves
    away from it, to the side on which it is rounded. No gradients pass.

    Args:
        sums: integers, [n, c, ...]; float32 and float64 hold them exactly.
        constants: of c outputs, or of one for all.
        bias: int32, [c], to be added first.
        near_tie: the distance that numbers keep from a tie.
        axis: that of the channels: 1, or -1 for the last.
    """
    shape = (-1, *[1] * (0 if axis < 0 else sums.ndim - 2))
    # A product below 2^53 is exact, and a larger one is beyond any result.
    factors = torch.from_numpy(constants.multipliers).double().mul_(2.0**-POINT).view(shape)
    added = None if bias is None else torch.from_numpy(bias).double().view(shape)
    result = torch.empty(sums.shape)
    step = max(1, _CHUNK // max(1, sums[:1].numel()))
    with torch.no_grad():
        for first in range(0, len(sums), step):
            part = sums[first : first + step].double()
            shifted = _shifted(part if added is None else part + added, constants.shift)
            result[first : first + step] = _off_ties(shifted * factors, near_tie)
    return result


def _shifted(sums: Tensor, shift: int) -> Tensor:
    return (sums * 2.0**shift).clamp_(_LOWEST, _HIGHEST) if shift else sums


def _off_ties(scaled: Tensor, near_tie: float) -> Tensor:
    nearest = (scaled + 0.5).floor_()
    return scaled.sub_(nearest).clamp_(near_tie - 0.5, 0.5 - near_tie).add_(nearest)
