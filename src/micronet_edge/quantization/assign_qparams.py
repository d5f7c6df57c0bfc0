"""Gives every rounded tensor its grid."""

from collections.abc import Mapping

from torch import fx

from micronet_edge.lowering.ir.primitives import Constant
from micronet_edge.quantization.operators.constants import constant_range_qparams
from micronet_edge.quantization.operators.registry import operator_at, operator_of
from micronet_edge.quantization.qparams import QuantParams, activation_qparams, symmetric_qparams
from micronet_edge.quantization.quantized_tensors import rounded_tensors, tensor_name


def assign_qparams(
    network: fx.GraphModule, ranges: Mapping[str, tuple[float, float]], bits: int
) -> dict[str, QuantParams]:
    """The grid of each rounded tensor of a decomposed network, by name.

    `ranges` are those of the tensors that have a grid of their own. A matrix of coefficients lies on a
    symmetric one: a product's second factor must have a zero point of 0.
    """
    symmetric = {tensor_name(node) for node in network.graph.nodes if operator_at(node).is_symmetric}
    tensor_qparams = {
        name: (symmetric_qparams if name in symmetric else activation_qparams)(low, high, bits)
        for name, (low, high) in ranges.items()
    }
    return {name: tensor_qparams[owner] for name, owner in rounded_tensors(network).items()}


def constant_qparams(layer: Constant, result: QuantParams) -> QuantParams:
    """The quantization parameters of a layer's constant; `result` are those of the layer's result."""
    return constant_range_qparams(layer.constant, result, operator_of(layer).smallest_input_ratio)
