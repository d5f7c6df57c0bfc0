"""Gives every quantized tensor its quantization parameters."""

from collections.abc import Mapping

from torch import fx

from micronet_edge.lowering.ir.primitives import Constant
from micronet_edge.quantization.operators.constants import ConstantOperator, constant_range_qparams
from micronet_edge.quantization.operators.registry import operator_at, operator_of
from micronet_edge.quantization.qparams import QuantParams, Range, activation_qparams, symmetric_qparams
from micronet_edge.quantization.quantized_tensors import quantized_tensors, tensor_name


def assign_qparams(network: fx.GraphModule, ranges: Mapping[str, Range], bits: int) -> dict[str, QuantParams]:
    """The quantization parameters of each quantized tensor of a decomposed network, by name.

    Args:
        network: a decomposed network.
        ranges: by name, of the tensors that have quantization parameters of their own.
        bits: of an activation, 8 or 16.
    """
    symmetric = {tensor_name(node) for node in network.graph.nodes if operator_at(node).is_symmetric}
    tensor_qparams = {
        name: (symmetric_qparams if name in symmetric else activation_qparams)(low, high, bits)
        for name, (low, high) in ranges.items()
    } | fixed_qparams(network, bits)
    return {name: tensor_qparams[owner] for name, owner in quantized_tensors(network).items()}


def fixed_qparams(network: fx.GraphModule, bits: int) -> dict[str, QuantParams]:
    """The quantization parameters of tensors to which runtimes give no others, by name."""
    return {
        tensor_name(node): fixed[bits]
        for node in network.graph.nodes
        if bits in (fixed := operator_at(node).fixed_result)
    }


def constant_qparams(layer: Constant, result: QuantParams) -> QuantParams:
    """The quantization parameters of a layer's constant; `result` are those of the layer's result."""
    operator = operator_of(layer)
    if isinstance(operator, ConstantOperator):
        return operator.constant_qparams(layer, result)
    return constant_range_qparams(layer.constant, result, operator.smallest_input_ratio)
