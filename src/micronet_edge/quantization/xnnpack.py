"""The arithmetic of XNNPACK, which runs the integer files of ONNX Runtime and of LiteRT."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from micronet_edge.quantization.integer_arithmetic import (
    are_whole,
    integer_product,
    integer_sum,
    requantized,
    straight_through,
    whole,
)
from micronet_edge.quantization.operators.call import Arithmetic, Call, Layer
from micronet_edge.quantization.qparams import BYTE, QuantParams
from micronet_edge.quantization.stored_weights import (
    Matrix,
    applied,
    channel_axis,
    own_layout,
    stored_in_integers,
    weight_rows,
)


@dataclass(frozen=True, slots=True)
class XnnpackArithmetic:
    """Factors in float32; sums of two tensors have rounded factors, products are rounded half to even."""

    bias_limit: float | None = None

    def matrix(self, call: Call[Matrix], x: Tensor) -> Tensor:
        """The layer on integers as files compute it, which float32 sums up exactly in most cases.

        Sums of real numbers would round one number in some 100,000 the other way, and change all behind it.
        """
        (qparams,), layer = call.inputs, call.layer
        scales, stored = stored_in_integers(layer, qparams, call.weight_limit)
        accumulator = scales * qparams.scale
        rows = scales.view(-1, *[1] * (layer.weight.ndim - 1)).expand_as(weight_rows(layer))
        weight = whole(stored["weight"] / own_layout(layer, rows))
        bias = whole(stored["bias"] / accumulator) if "bias" in stored else None
        integers = {"weight": weight} | ({} if bias is None else {"bias": torch.zeros_like(bias)})
        sums = applied(layer, integers, whole(x / qparams.scale))
        return requantized(sums, bias, accumulator / call.result.scale, call.result, channel_axis(layer))

    def total(
        self, exact: Tensor, values: Sequence[Tensor], qparams: Sequence[QuantParams], result: QuantParams
    ) -> Tensor:
        """With 8 bits as XNNPACK adds, whose factors are rounded as well.

        A tensor that is not rounded, as in the sensitivity analysis, is added in float32.
        """
        levels = [value / each.scale for value, each in zip(values, qparams, strict=True)]
        if result.bits != BYTE or not all(map(are_whole, levels)):
            return exact
        integers = [each.detach().round() for each in levels]
        return straight_through(exact, integer_sum(integers, qparams, result))

    def product(self, exact: Tensor, qparams: Sequence[QuantParams], result: QuantParams) -> Tensor:
        """With 8 bits as XNNPACK multiplies."""
        return integer_product(exact, qparams, result) if result.bits == BYTE else exact

    def mean(self, _call: Call[nn.AdaptiveAvgPool2d], exact: Tensor, _x: Tensor) -> Tensor:
        return exact

    def function(self, _call: Call[Layer], exact: Tensor, _x: Tensor) -> Tensor:
        return exact


XNNPACK: Arithmetic = XnnpackArithmetic()
