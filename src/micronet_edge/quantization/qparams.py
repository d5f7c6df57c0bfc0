"""Quantization parameters: from a range of real numbers to integers."""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

BYTE = 8
"""Bits of an integer of int8; the other width of an activation is 16."""

WEIGHT_LIMIT = 127
"""Largest integer of a weight: symmetric, so that products fit into the 16 bits of some kernels."""

PAIRED_WEIGHT_LIMIT = 64
"""The same if kernels add two products of a weight and a byte in 16 bits: 2 * 64 * 255 < 2^15."""

SMALLEST_SPAN = 1e-6
"""The length of the range of a tensor that is always zero: its scale must not be 0."""

SMALLEST_WEIGHT = 1e-4
"""Below this a channel's weights are as good as zero; a smaller scale would leave its bias no room."""

BIAS_LIMIT = 2.0**30
"""Largest integer of a bias: products have the other half of int32."""

HALF_PRECISION = 2.0**-10
"""Largest relative error with which the weight of a float operator is stored in float16."""

FEWEST_HALVES = 64
"""Smallest number of weights for which converting them at run time is worth the bytes that it saves."""

Range = tuple[float, float]
"""The smallest and the largest value of a tensor."""

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class QuantParams:
    """A signed integer q of so many bits stands for the number `scale * (q - zero_point)`."""

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
        """The smallest number that an integer stands for; numbers below saturate to it."""
        return self.scale * (self.lowest - self.zero_point)

    @property
    def high(self) -> float:
        """The largest number that an integer stands for; numbers above saturate to it."""
        return self.scale * (self.highest - self.zero_point)

    def integers(self, values: Floats) -> Integers:
        """The nearest integers for the values (half to even), saturated."""
        nearest = np.rint(np.asarray(values, np.float64) / self.scale) + self.zero_point
        return nearest.clip(self.lowest, self.highest).astype(np.int32)


def activation_qparams(low: float, high: float, bits: int) -> QuantParams:
    """The quantization parameters of an activation whose values lie between `low` and `high`.

    8 bits are asymmetric and hold zero exactly; 16 bits are symmetric, as TFLite requires.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if bits == 16:  # noqa: PLR2004 - the other of the two widths there are
        return symmetric_qparams(low, high, bits)
    scale = _scale(high - low, 255)
    return QuantParams(scale, round(-128 - low / scale), bits)


def symmetric_qparams(low: float, high: float, bits: int) -> QuantParams:
    """The same with a zero point of 0."""
    return QuantParams(_scale(max(-low, high), (1 << (bits - 1)) - 1), 0, bits)


def weight_scales(weight: Floats, limit: int = WEIGHT_LIMIT) -> Floats:
    """The scale of each output channel, [n], of a weight [n, ...] with integers of at most `limit`."""
    largest = np.abs(weight.reshape(len(weight), -1)).max(axis=1)
    scales: Floats = np.maximum(largest, SMALLEST_WEIGHT).astype(np.float32) / np.float32(limit)
    return scales


def weight_integers(weight: Floats, scales: Floats, limit: int = WEIGHT_LIMIT) -> NDArray[np.int8]:
    """The integers, at most `limit`, of a weight [n, ...] with a scale for each output channel."""
    nearest = np.rint(weight / scales.reshape(-1, *[1] * (weight.ndim - 1)))
    integers: NDArray[np.int8] = nearest.clip(-limit, limit).astype(np.int8)
    return integers


def scales_for_bias(scales: Floats, bias: Floats, qparams: QuantParams, limit: float | None = None) -> Floats:
    """The scales of a weight [n], larger where the integers of its bias [n] would be above the limit.

    Without a limit it is that of TFLite and ONNX, where an operator of 16 bits has a bias of 64.
    """
    if limit is None:
        limit = BIAS_LIMIT if qparams.bits == BYTE else inf
    enough: Floats = np.maximum(scales, np.abs(bias) / (limit * qparams.scale)).astype(np.float32)
    return enough


def bias_scales(scales: Floats, qparams: QuantParams) -> NDArray[np.float64]:
    """The scales of a bias [n], those of the accumulator: scales of the weight times scale of the input."""
    return scales.astype(np.float64) * qparams.scale


def bias_integers(bias: Floats, scales: Floats, qparams: QuantParams) -> NDArray[np.float64]:
    """The integers of a bias [n], as float64."""
    integers: NDArray[np.float64] = np.rint(bias / bias_scales(scales, qparams))
    return integers


def are_halves_enough(weight: Floats) -> bool:
    """Whether float16 is exact enough for a weight [n, ...]: ten bits of each channel's largest one."""
    if weight.size < FEWEST_HALVES:
        return False
    with np.errstate(over="ignore"):
        halves = weight.astype(np.float16)
    errors, largest = (
        np.abs(each).reshape(len(weight), -1).max(axis=1) for each in (halves - weight, weight)
    )
    return bool((errors <= largest * HALF_PRECISION).all())


def _scale(span: float, levels: int) -> float:
    return float(np.float32(max(span, SMALLEST_SPAN) / levels))
