"""The constants of operators in half-up arithmetic: one place for each number, for simulations and files."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.operators.call import Call, Layer
from micronet_edge.quantization.operators.function import FunctionOperator
from micronet_edge.quantization.operators.registry import operator_at, operator_of
from micronet_edge.quantization.qparams import (
    BIAS_LIMIT,
    Floats,
    Integers,
    QuantParams,
    bias_integers,
    bias_scales,
    scales_for_bias,
    weight_integers,
    weight_scales,
)
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import is_clip, is_done_before, keeps_qparams
from micronet_edge.quantization.requantization import Requantization, requantization
from micronet_edge.quantization.stored_weights import Matrix, weight_rows
from micronet_edge.quantization.xnnpack import XNNPACK

FACTOR_BITS = 14
"""The larger of a sum's two factors is 2^14."""

_SUM_LIMIT = 1 << 31
_BYTES = np.arange(-128, 128)


@dataclass(frozen=True, slots=True, eq=False)
class MatrixConstants:
    """The constants of a convolution or a linear layer.

    Attributes:
        weight: int8, [n, ...]: in the layer's own shape, unless it is a transposed convolution.
        bias: int32, [n], of sums over x less its zero point.
        x_zero: the zero point of the input.
        requantization: of the n sums.
    """

    weight: NDArray[np.int8]
    bias: Integers
    x_zero: int
    requantization: Requantization

    @property
    def folded_bias(self) -> Integers:
        """The bias of sums over x as it is, int32 [n]: less zero point times sum of weights."""
        sums = self.weight.reshape(len(self.weight), -1).sum(1, dtype=np.int64)
        folded: Integers = (self.bias - self.x_zero * sums).astype(np.int32)
        return folded


@dataclass(frozen=True, slots=True, eq=False)
class SumConstants:
    """The constants of a sum of two tensors; each factor is an integer of at most 2^14."""

    factors: tuple[int, int]
    zeros: tuple[int, int]
    requantization: Requantization


@dataclass(frozen=True, slots=True, eq=False)
class ProductConstants:
    """The constants of a product of two tensors."""

    zeros: tuple[int, int]
    requantization: Requantization


@dataclass(frozen=True, slots=True, eq=False)
class MeanConstants:
    """The constants of a mean; the bias is -pixels * zero point, of sums over x as it is."""

    bias: int
    requantization: Requantization


def matrix_constants(call: Call[Matrix]) -> MatrixConstants:
    """The constants of a call of a convolution or a linear layer.

    Raises:
        LoweringError: a sum may not fit into int32.
    """
    (x,) = call.inputs
    weight, bias = weight_rows(call.layer).detach().numpy(), bias_of(call.layer).numpy()
    integers, biases, scales = matrix_integers(weight, bias, x, call.weight_limit)
    factors = bias_scales(scales, x) / call.result.scale
    return MatrixConstants(integers, biases, x.zero_point, to_result(factors, call.result, call.clip))


def matrix_integers(
    weight: Floats, bias: Floats, x: QuantParams, limit: int
) -> tuple[NDArray[np.int8], Integers, Floats]:
    """The integers of a weight [n, ...], those of its bias [n], and the scales of the weight [n].

    Raises:
        LoweringError: a sum may not fit into int32.
    """
    with np.errstate(invalid="ignore"):  # a training that diverges is noticed by its caller
        scales = scales_for_bias(weight_scales(weight, limit), bias, x, BIAS_LIMIT)
        integers = weight_integers(weight, scales, limit)
        biases = bias_integers(bias, scales, x)
    taps = np.abs(integers.reshape(len(integers), -1)).sum(1, dtype=np.int64)
    widest_difference = (1 << x.bits) - 1
    if (np.abs(biases) + widest_difference * taps >= _SUM_LIMIT).any():
        raise LoweringError(
            f"a layer sums up {integers[0].size} products, which may not fit into 32 bits: "
            "use fewer input channels"
        )
    return integers, np.nan_to_num(biases).astype(np.int32), scales


def sum_constants(
    inputs: Sequence[QuantParams], result: QuantParams, clip: nn.Module | None = None
) -> SumConstants:
    """The constants of a sum of two tensors with these quantization parameters."""
    first, second = inputs
    largest = max(first.scale, second.scale)
    factors = tuple(round(2**FACTOR_BITS * each.scale / largest) for each in inputs)
    factor = largest / 2**FACTOR_BITS / result.scale
    zeros = first.zero_point, second.zero_point
    return SumConstants((factors[0], factors[1]), zeros, to_result(factor, result, clip))


def add_constants(call: Call[Layer]) -> SumConstants:
    """The constants of a call that adds two tensors."""
    return sum_constants(call.inputs, call.result, call.clip)


def product_constants(call: Call[Layer]) -> ProductConstants:
    """The constants of a call that multiplies two tensors."""
    first, second = call.inputs
    zeros = first.zero_point, second.zero_point
    return ProductConstants(zeros, product_requantization(call.inputs, call.result, call.clip))


def product_requantization(
    inputs: Sequence[QuantParams], result: QuantParams, clip: nn.Module | None = None
) -> Requantization:
    """The requantization of a product of two tensors."""
    first, second = inputs
    return to_result(first.scale * second.scale / result.scale, result, clip)


def mean_constants(call: Call[nn.AdaptiveAvgPool2d], pixels: int) -> MeanConstants:
    """The constants of a call that takes the mean over so many pixels."""
    (x,) = call.inputs
    factor = x.scale / (pixels * call.result.scale)
    return MeanConstants(-pixels * x.zero_point, to_result(factor, call.result, call.clip))


def to_result(factors: ArrayLike, result: QuantParams, clip: nn.Module | None) -> Requantization:
    """The requantization by these factors to the result, which a clip may limit."""
    low, high = ends(result, clip)
    return requantization(factors, result.zero_point, low, high)


def ends(result: QuantParams, clip: nn.Module | None) -> tuple[int, int]:
    """The smallest and the largest integer of a result behind the clip, if there is one."""
    if clip is None:
        return result.lowest, result.highest
    # A clip never falls, so that the ends of the range give its own; it computes alike in any arithmetic.
    call = Call(clip, (result,), result, XNNPACK)
    limits = operator_of(clip).in_integers(call, torch.tensor([result.low, result.high]))
    low, high = (limits / result.scale).round().int().add(result.zero_point).tolist()
    return max(low, result.lowest), min(high, result.highest)


def has_table(node: fx.Node) -> bool:
    """Whether the node is a function of each number, and no operator before it limits its result as well."""
    if is_clip(node):
        return not is_done_before(node) or keeps_qparams(node.all_input_nodes[0])
    return isinstance(operator_at(node), FunctionOperator)


def table_of(quantized: QuantizedNetwork, node: fx.Node) -> NDArray[np.int8]:
    """The table of a function of each number, int8 [256]: y = table[x + 128]."""
    layer = module_of(node)
    assert layer is not None
    return function_table(quantized.call(node, layer))


def function_table(call: Call[Layer]) -> NDArray[np.int8]:
    """The same of a call."""
    (x,), result = call.inputs, call.result
    with torch.no_grad():
        # One number an image, as for a layer that looks at channels or pixels.
        values = torch.from_numpy((_BYTES - x.zero_point).astype(np.float32) * np.float32(x.scale))
        given: Tensor = call.layer(values.view(-1, 1, 1, 1)).flatten()
    low, high = ends(result, call.clip)
    table: NDArray[np.int8] = result.integers(given.numpy()).clip(low, high).astype(np.int8)
    return table
