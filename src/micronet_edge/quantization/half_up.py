"""The arithmetic of generated C: exact int32 sums, each requantized once and rounded half up."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from micronet_edge.quantization.half_up_constants import (
    function_table,
    matrix_constants,
    mean_constants,
    product_requantization,
    sum_constants,
)
from micronet_edge.quantization.integer_arithmetic import are_whole, straight_through, whole
from micronet_edge.quantization.operators.call import Arithmetic, Call, Layer
from micronet_edge.quantization.qparams import BIAS_LIMIT, BYTE, QuantParams
from micronet_edge.quantization.requantization import NEAR_TIE, NEAR_TIE_OF_16_BITS, requantized_sums
from micronet_edge.quantization.stored_weights import (
    Matrix,
    applied,
    channel_axis,
    own_layout,
    stored_in_integers,
)

_EXACT = 1 << 24
"""Up to here float32 holds every integer."""


@dataclass(frozen=True, slots=True)
class HalfUpArithmetic:
    """Sums of int8 products in int32, one requantization for each result: `requantization` says how.

    Activations have 8 bits. Those between two convolutions or linear layers may have 16.
    """

    bias_limit: float = BIAS_LIMIT

    def matrix(self, call: Call[Matrix], x: Tensor) -> Tensor:
        (qparams,), layer = call.inputs, call.layer
        constants = matrix_constants(call)
        weight = torch.from_numpy(constants.weight)
        sums = exact_sums(layer, weight, whole(x.detach() / qparams.scale))
        near_tie = NEAR_TIE if call.result.bits == BYTE else NEAR_TIE_OF_16_BITS
        levels = requantized_sums(
            sums, constants.requantization, constants.bias, near_tie, channel_axis(layer)
        )
        found = levels * call.result.scale
        if not torch.is_grad_enabled():
            return found
        _, stored = stored_in_integers(layer, qparams, call.weight_limit, self.bias_limit)
        return straight_through(applied(layer, stored, x), found)

    def total(
        self, exact: Tensor, values: Sequence[Tensor], qparams: Sequence[QuantParams], result: QuantParams
    ) -> Tensor:
        constants = sum_constants(qparams, result)
        terms = [
            whole(value.detach() / each.scale).double() * factor
            for value, each, factor in zip(values, qparams, constants.factors, strict=True)
        ]
        found = requantized_sums(terms[0] + terms[1], constants.requantization)
        return straight_through(exact, found * result.scale)

    def product(self, exact: Tensor, qparams: Sequence[QuantParams], result: QuantParams) -> Tensor:
        first, second = qparams
        integers = (exact.detach() / (first.scale * second.scale)).round()
        found = requantized_sums(integers, product_requantization(qparams, result))
        return straight_through(exact, found * result.scale)

    def mean(self, call: Call[nn.AdaptiveAvgPool2d], exact: Tensor, x: Tensor) -> Tensor:
        """The mean over all pixels; one over parts of them is taken in real numbers."""
        if exact.shape[2:].numel() > 1:
            return exact
        sums = whole(x.detach() / call.inputs[0].scale).sum((2, 3), keepdim=True, dtype=torch.float64)
        constants = mean_constants(call, x.shape[2] * x.shape[3])
        found = requantized_sums(sums, constants.requantization)
        return straight_through(exact, found * call.result.scale)

    def function(self, call: Call[Layer], exact: Tensor, x: Tensor) -> Tensor:
        """The function by its table; of a tensor that is not rounded, in float32.

        A clip behind an operator reads what is not rounded yet. Where all its numbers are integers by chance,
        the table gives the same.
        """
        (qparams,), result = call.inputs, call.result
        levels = x.detach() / qparams.scale
        places = levels.round().long() + (qparams.zero_point - qparams.lowest)
        table = torch.from_numpy(function_table(call)).float()
        if not are_whole(levels) or int(places.min()) < 0 or int(places.max()) >= len(table):
            return exact
        return straight_through(exact, (table[places] - result.zero_point) * result.scale)


HALF_UP: Arithmetic = HalfUpArithmetic()


def exact_sums(layer: Matrix, weight: Tensor, levels: Tensor) -> Tensor:
    """The sums of integer products, without a bias, in a type that holds them exactly.

    Args:
        layer: a convolution or a linear layer.
        weight: its integers, int8, for each output channel.
        levels: integers less the zero point, float32.
    """
    products = weight.flatten(1).abs().sum(1, dtype=torch.int64).max() * levels.abs().max()
    dtype = torch.float32 if float(products) < _EXACT else torch.float64
    integers = {"weight": own_layout(layer, weight.to(dtype))}
    if layer.bias is not None:
        integers["bias"] = torch.zeros(len(weight), dtype=dtype)
    with torch.no_grad():
        return applied(layer, integers, levels.to(dtype))
