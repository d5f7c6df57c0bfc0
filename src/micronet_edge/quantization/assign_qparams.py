"""Gives every rounded tensor its grid."""

from collections.abc import Mapping

from torch import fx

from micronet_edge.lowering.ir.graph import calls
from micronet_edge.lowering.ir.primitives import AddConstant, Constant, DynamicPointwiseWeight
from micronet_edge.quantization.qparams import QuantParams, activation_qparams, symmetric_qparams
from micronet_edge.quantization.quantized_tensors import rounded_tensors, tensor_name


def assign_qparams(
    network: fx.GraphModule, ranges: Mapping[str, tuple[float, float]], bits: int
) -> dict[str, QuantParams]:
    """The grid of each rounded tensor of a decomposed network, by name.

    `ranges` are those of the tensors that have a grid of their own. A matrix of coefficients lies on a
    symmetric one: a product's second factor must have a zero point of 0.
    """
    matrices = {tensor_name(node) for node, _ in calls(network, DynamicPointwiseWeight)}
    tensor_qparams = {
        name: (symmetric_qparams if name in matrices else activation_qparams)(low, high, bits)
        for name, (low, high) in ranges.items()
    }
    return {name: tensor_qparams[owner] for name, owner in rounded_tensors(network).items()}


SMALLEST_RATIO = 2.0**-9
"""XNNPACK adds only tensors whose steps are at least 2^-10 of the sum's."""


def constant_qparams(layer: Constant, result: QuantParams) -> QuantParams:
    """The grid of a layer's constant, as wide as the constant; `result` is that of what the layer gives."""
    low, high = min(0.0, float(layer.constant.min())), float(layer.constant.max())
    if isinstance(layer, AddConstant):
        high = max(high, low + result.scale * SMALLEST_RATIO * ((1 << result.bits) - 1))
    return activation_qparams(low, high, result.bits)
