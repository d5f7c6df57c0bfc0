"""The constants of a Dynamic Shift-Max that one kernel computes in half-up arithmetic."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.composite import Region
from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import module_of, only_input
from micronet_edge.quantization.half_up_constants import MatrixConstants, matrix_integers, to_result
from micronet_edge.quantization.qparams import QuantParams, bias_scales
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after
from micronet_edge.quantization.requantization import Requantization, requantization

TOP = 4095
"""The largest integer of a coefficient less its lowest one."""

_SAME_SPAN = 1e-6
_WIDEST_DIFFERENCE = 255


@dataclass(frozen=True, slots=True, eq=False)
class ShiftMaxConstants:
    """The constants of one kernel: coefficients, sums of products, maximum and requantization.

    Given    s [i], int8: the squeezed vector; x [c, h, w], int8
    Result   a[c][k][j] = requantized(sum over i of weight * s + folded bias) + offsets[k * J + j]
             y[c] = requantized(max over k of  sum over j of  a[c][k][j] * (x[sources[j][c]] - x_zero))

    Attributes:
        coefficients: a matrix, [c * K * J, i] in the order [c][k][j]; its requantization has the zero point 0
            and ends at 0 and TOP.
        offsets: int16, [K * J]: the lowest integers of the coefficients.
        scale: of all coefficients.
        sources: for each shift, the channel of x that each output reads, [J][c].
        fusions: K.
        x_zero: the zero point of x.
        result: of the int32 maxima; has one multiplier.
    """

    coefficients: MatrixConstants
    offsets: NDArray[np.int16]
    scale: float
    sources: tuple[tuple[int, ...], ...]
    fusions: int
    x_zero: int
    result: Requantization

    @property
    def channels(self) -> int:
        return len(self.sources[0])

    @property
    def shifts(self) -> int:
        return len(self.sources)

    @property
    def largest_sum(self) -> int:
        """No sum of products is larger."""
        largest = max(abs(int(each)) for each in self.offsets) + TOP
        return largest * _WIDEST_DIFFERENCE * self.shifts

    def coefficient(self, fusion: int, shift: int) -> MatrixConstants:
        """The rows of one coefficient, [c, i]."""
        period = self.fusions * self.shifts
        rows = slice(fusion * self.shifts + shift, None, period)
        all_, quantized = self.coefficients, self.coefficients.requantization
        own = Requantization(quantized.multipliers[rows], quantized.shift, 0, 0, TOP)
        return MatrixConstants(all_.weight[rows], all_.bias[rows], all_.x_zero, own)

    def offset(self, fusion: int, shift: int) -> int:
        return int(self.offsets[fusion * self.shifts + shift])


def shift_max_constants(quantized: QuantizedNetwork, region: Region) -> ShiftMaxConstants:
    """The constants of the kernel for the activation.

    Raises:
        LoweringError: its coefficients have ranges of different lengths, or a number does not fit.
    """
    composite = region.composite
    clips = [_clip(region.coefficient(*place)) for place in composite.places]
    scale = _common_scale(composite.layer, clips)
    x = quantized.qparams(region.x)
    result = quantized.qparams(region.result)
    clip = clip_after(region.result)
    constants = ShiftMaxConstants(
        coefficients=_coefficients(quantized, region, scale),
        offsets=_offsets(composite.layer, clips, scale),
        scale=scale,
        sources=composite.sources,
        fusions=composite.fusions,
        x_zero=x.zero_point,
        result=to_result(scale * x.scale / result.scale, result, None if clip is None else module_of(clip)),
    )
    if constants.largest_sum >= 1 << 31:
        raise LoweringError(f"{composite.layer}: sums of products may not fit into 32 bits: use fewer shifts")
    return constants


def lowest(region: Region, fusion: int, shift: int) -> float:
    """The real number at which the clip of a coefficient begins."""
    return float(_clip(region.coefficient(fusion, shift)).min_val)


def _excite(coefficient: fx.Node) -> nn.Conv2d:
    layer = module_of(only_input(coefficient))
    if not isinstance(layer, nn.Conv2d):
        raise LoweringError(f"{coefficient.target} does not come of a convolution of its own")
    return layer


def _clip(coefficient: fx.Node) -> nn.Hardtanh:
    clip = module_of(coefficient)
    if not isinstance(clip, nn.Hardtanh):
        raise LoweringError(f"{coefficient.target} is not clipped at two ends")
    return clip


def _common_scale(layer: str, clips: list[nn.Hardtanh]) -> float:
    spans = [float(clip.max_val - clip.min_val) for clip in clips]
    if max(spans) - min(spans) > _SAME_SPAN * max(spans):
        raise LoweringError(f"{layer}: coefficients have ranges of several lengths, but one scale")
    return max(spans) / TOP


def _offsets(layer: str, clips: list[nn.Hardtanh], scale: float) -> NDArray[np.int16]:
    offsets = np.array([round(float(clip.min_val) / scale) for clip in clips])
    if np.abs(offsets).max() + TOP > np.iinfo(np.int16).max:
        raise LoweringError(f"{layer}: coefficients do not fit into 16 bits: initial ones are too large")
    return offsets.astype(np.int16)


def _coefficients(quantized: QuantizedNetwork, region: Region, scale: float) -> MatrixConstants:
    x = quantized.qparams(region.squeezed)
    parts = [_integers(quantized, region.coefficient(*place), x) for place in region.composite.places]
    weight, bias, scales = (
        np.stack(each, 1).reshape(-1, *each[0].shape[1:])  # channel by channel, its coefficients in order
        for each in zip(*parts, strict=True)
    )
    factors = bias_scales(scales, x) / scale
    return MatrixConstants(weight, bias, x.zero_point, requantization(factors, 0, 0, TOP))


def _integers(
    quantized: QuantizedNetwork, coefficient: fx.Node, x: QuantParams
) -> tuple[NDArray[np.int8], NDArray[np.int32], NDArray[np.float32]]:
    excite, clip = _excite(coefficient), _clip(coefficient)
    weight = excite.weight.detach().flatten(1).numpy()
    bias = (bias_of(excite).double() - float(clip.min_val)).numpy()
    return matrix_integers(weight, bias, x, quantized.weight_limit)
