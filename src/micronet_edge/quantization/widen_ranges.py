"""Widens ranges for which integer kernels would need a rescaling factor that they do not support."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from torch import fx

from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.quantization.assign_qparams import assign_qparams, fixed_qparams
from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.registry import operator_of
from micronet_edge.quantization.qparams import BYTE, QuantParams, Range
from micronet_edge.quantization.quantized_tensors import quantized_tensors, result_name
from micronet_edge.quantization.xnnpack import XNNPACK

LARGEST_FACTOR = 64.0
"""XNNPACK supports factors below 256, for accumulators and for the inputs of a sum.

A target's form of the network may double the scales of weights.
"""

_ROUNDS = 8


def widened(network: fx.GraphModule, ranges: Mapping[str, Range], bits: int) -> dict[str, Range]:
    """The ranges, wider where a tensor hardly varies or is always zero.

    Args:
        network: a decomposed network.
        ranges: by name, of the tensors that have quantization parameters of their own.
        bits: of an activation, 8 or 16.

    Returns:
        Ranges with which every rescaling factor is one that the runtimes support. Those of an ordinary
        network do not change.
    """
    result, owners, fixed = dict(ranges), quantized_tensors(network), fixed_qparams(network, bits)
    for _ in range(_ROUNDS):
        tensor_qparams = assign_qparams(network, result, bits)
        smallest = _smallest_scales(network, tensor_qparams)
        narrow = {
            owners[name]: scale
            for name, scale in smallest.items()
            if tensor_qparams[name].scale < scale and owners[name] not in fixed
        }
        if not narrow:
            break
        for name, scale in narrow.items():
            low, high = result[name]
            result[name] = low, max(high, float(np.nextafter(scale, np.inf)) * _levels(bits))
    return result


def _levels(bits: int) -> int:
    return 255 if bits == BYTE else (1 << (bits - 1)) - 1


def _smallest_scales(network: fx.GraphModule, tensor_qparams: Mapping[str, QuantParams]) -> dict[str, float]:
    """The scales that tensors must have at least, by tensor name."""
    smallest: dict[str, float] = defaultdict(float)
    for node in network.graph.nodes:
        layer = module_of(node)
        if layer is None:
            continue
        name, sources = result_name(node), [result_name(source) for source in inputs_of(node)]
        operator, result = operator_of(layer), tensor_qparams[name]
        call = Call(layer, tuple(tensor_qparams[source] for source in sources), result, XNNPACK)
        smallest[name] = max(smallest[name], operator.accumulator_scale(call) / LARGEST_FACTOR)
        for source in sources:
            smallest[source] = max(smallest[source], result.scale * operator.smallest_input_ratio)
    return smallest
