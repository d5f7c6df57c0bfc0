"""Widens ranges that would ask integer kernels for factors that they do not take."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from torch import fx, nn

from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.lowering.ir.primitives import (
    Add,
    AddConstant,
    DynamicPointwise,
    Multiply,
    MultiplyConstant,
)
from micronet_edge.quantization.assign_qparams import SMALLEST_RATIO, assign_qparams, constant_qparams
from micronet_edge.quantization.qparams import QuantParams, weight_scales
from micronet_edge.quantization.quantized_tensors import result_name, rounded_tensors

Range = tuple[float, float]

LARGEST_FACTOR = 64.0
"""XNNPACK takes factors below 256, of a sum or a product of integers and of a tensor that is added.

In a target's form of the network weights may have steps twice as long.
"""

_ROUNDS = 8


def widened(network: fx.GraphModule, ranges: Mapping[str, Range], bits: int) -> dict[str, Range]:
    """The ranges, wider where a tensor hardly varies or never differs from zero.

    Given    a decomposed network, the ranges of the tensors that have a grid of their own
    Result   ranges with which no sum or product of integers is scaled up or down by more than the runtimes
             take; those of an ordinary network as they are
    """
    result, owners = dict(ranges), rounded_tensors(network)
    for _ in range(_ROUNDS):
        tensor_qparams = assign_qparams(network, result, bits)
        wanted = _shortest_steps(network, tensor_qparams)
        narrow = {owners[name]: step for name, step in wanted.items() if tensor_qparams[name].scale < step}
        if not narrow:
            break
        for name, step in narrow.items():
            low, high = result[name]
            result[name] = low, max(high, float(np.nextafter(step, np.inf)) * _levels(bits))
    return result


def _levels(bits: int) -> int:
    return 255 if bits == 8 else (1 << (bits - 1)) - 1  # noqa: PLR2004


def _shortest_steps(network: fx.GraphModule, tensor_qparams: Mapping[str, QuantParams]) -> dict[str, float]:
    """The steps that tensors must have at least, by tensor name."""
    wanted: dict[str, float] = defaultdict(float)
    for node in network.graph.nodes:
        layer, sources = (
            module_of(node),
            [result_name(source) for source in inputs_of(node)],
        )
        if layer is None:
            continue
        name = result_name(node)
        wanted[name] = max(
            wanted[name],
            _given(layer, [tensor_qparams[source].scale for source in sources], tensor_qparams[name]),
        )
        if isinstance(layer, Add | AddConstant):
            for source in sources:
                wanted[source] = max(wanted[source], tensor_qparams[name].scale * SMALLEST_RATIO)
    return wanted


def _given(layer: nn.Module, steps: Sequence[float], result: QuantParams) -> float:
    """The step that the layer's result must have at least, where those of its inputs are given."""
    match layer:
        case nn.Conv2d() | nn.Linear():
            longest = steps[0] * float(weight_scales(layer.weight.detach().numpy()).max())
        case Multiply() | DynamicPointwise():
            longest = steps[0] * steps[1]
        case MultiplyConstant():
            longest = steps[0] * constant_qparams(layer, result).scale
        case AddConstant():
            longest = max(steps[0], constant_qparams(layer, result).scale)
        case Add() | nn.AdaptiveAvgPool2d():
            longest = max(steps)
        case _:
            return 0.0
    return longest / LARGEST_FACTOR
