"""From a range of real numbers to the integers that stand for them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BYTE = 8
"""Bits of an integer of int8; the other width of an activation is 16."""

WEIGHT_LIMIT = 127
"""Largest integer of a weight: symmetric, so that no product leaves the 16 bits some kernels hold it in."""

PAIRED_WEIGHT_LIMIT = 64
"""The same where kernels add two products of a weight and a byte in 16 bits: 2 * 64 * 255 < 2^15."""

SMALLEST_SPAN = 1e-6
"""A tensor that is always zero still needs a step."""

SMALLEST_WEIGHT = 1e-4
"""Below this a channel's weights are as good as zero, and finer steps would leave its bias no room."""

BIAS_LIMIT = float(np.nextafter(np.float32(2**31), np.float32(0)))
"""Largest integer of a bias: the largest that 32 bits and a float32 both hold."""

HALF_PRECISION = 2.0**-10
"""Relative error up to which the weights of a float operator may be stored in 16 bits."""

FEWEST_HALVES = 64
"""Weights from which on an operator that converts them is worth what it saves."""

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class QuantParams:
    """The numbers `scale * (q - zero_point)` for signed integers q of so many bits."""

    scale: float
    zero_point: int
    bits: int

    @property
    def lowest(self) -> int:
        return -(1 << (self.bits - 1))

    @property
    def highest(self) -> int:
        return (1 << (self.bits - 1)) - 1

    @property
    def low(self) -> float:
        """The smallest number on the grid; what is below becomes this one."""
        return self.scale * (self.lowest - self.zero_point)

    @property
    def high(self) -> float:
        """The largest number on the grid; what is above becomes this one."""
        return self.scale * (self.highest - self.zero_point)

    def integers(self, values: Floats) -> Integers:
        """The integers that stand for the values, the nearest ones (half to even)."""
        steps = np.rint(np.asarray(values, np.float64) / self.scale) + self.zero_point
        return steps.clip(self.lowest, self.highest).astype(np.int32)


def activation_qparams(low: float, high: float, bits: int) -> QuantParams:
    """The grid of an activation whose values lie between `low` and `high`.

    8 bits are asymmetric and hold zero exactly; 16 bits are symmetric, as TFLite wants them.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if bits == 16:  # noqa: PLR2004 - the other of the two widths there are
        return symmetric_qparams(low, high, bits)
    scale = _step(high - low, 255)
    return QuantParams(scale, round(-128 - low / scale), bits)


def symmetric_qparams(low: float, high: float, bits: int) -> QuantParams:
    """The same with a zero point of 0, which the second factor of a matrix product needs."""
    return QuantParams(_step(max(-low, high), (1 << (bits - 1)) - 1), 0, bits)


def weight_scales(weight: Floats, limit: int = WEIGHT_LIMIT) -> Floats:
    """The symmetric int8 step of each output channel, [n] for a weight [n, ...] of `limit` steps at most."""
    largest = np.abs(weight.reshape(len(weight), -1)).max(axis=1)
    scales: Floats = np.maximum(largest, SMALLEST_WEIGHT).astype(np.float32) / np.float32(limit)
    return scales


def weight_integers(weight: Floats, scales: Floats, limit: int = WEIGHT_LIMIT) -> NDArray[np.int8]:
    """The weight [n, ...] in steps of each output channel, at most `limit` of them."""
    steps = np.rint(weight / scales.reshape(-1, *[1] * (weight.ndim - 1)))
    integers: NDArray[np.int8] = steps.clip(-limit, limit).astype(np.int8)
    return integers


def scales_for_bias(scales: Floats, bias: Floats, qparams: QuantParams) -> Floats:
    """The steps of a weight [n], lengthened where its bias [n] in steps of weight times input would not fit.

    An operator of 16 bits has 64 for the bias.
    """
    if qparams.bits == 16:  # noqa: PLR2004
        return scales
    enough: Floats = np.maximum(scales, np.abs(bias) / (BIAS_LIMIT * qparams.scale)).astype(np.float32)
    return enough


def bias_scales(scales: Floats, qparams: QuantParams) -> NDArray[np.float64]:
    """The steps of a bias [n]: those of the weight times that of the input, which integers are added in."""
    return scales.astype(np.float64) * qparams.scale


def bias_integers(bias: Floats, scales: Floats, qparams: QuantParams) -> NDArray[np.float64]:
    """The bias [n] in those steps, whole numbers."""
    steps: NDArray[np.float64] = np.rint(bias / bias_scales(scales, qparams))
    return steps


def are_halves_enough(weight: Floats) -> bool:
    """Whether a weight [n, ...] is stored in 16 bits: where these keep ten of each channel's."""
    if weight.size < FEWEST_HALVES:
        return False
    with np.errstate(over="ignore"):
        halves = weight.astype(np.float16)
    errors, largest = (
        np.abs(each).reshape(len(weight), -1).max(axis=1) for each in (halves - weight, weight)
    )
    return bool((errors <= largest * HALF_PRECISION).all())


def _step(span: float, steps: int) -> float:
    return float(np.float32(max(span, SMALLEST_SPAN) / steps))
