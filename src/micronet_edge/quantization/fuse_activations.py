"""A quantized network as the fused kernels compute it: without requantization inside a Dynamic Shift-Max."""

from dataclasses import replace

import numpy as np
from torch import fx, nn

from micronet_edge.lowering.ir.composite import Region, regions
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.operators.clip import quantized_ends
from micronet_edge.quantization.quantized_network import KernelTensor, QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after, is_clip, tensor_name
from micronet_edge.quantization.simulate_fused import FusedKernels

_LARGEST_SUM = 1 << 24
_WIDEST_DIFFERENCE = 255
"""A kernel sums up products of a coefficient and a difference of two bytes, as integers below 2^24."""


def with_fused_activations(quantized: QuantizedNetwork) -> QuantizedNetwork:
    """The network with the layers of every Dynamic Shift-Max fused, all but the one that gives its result."""
    fused: dict[str, KernelTensor] = {}
    for region in regions(quantized.network):
        fused |= _inner_tensors(quantized, region)
    return replace(
        quantized,
        fused_layers={name: tensor for name, tensor in fused.items() if name not in quantized.float_layers},
        kernels=FusedKernels,
    )


def _inner_tensors(quantized: QuantizedNetwork, region: Region) -> dict[str, KernelTensor]:
    """What the kernel does with each tensor inside of the activation."""
    inner = region.nodes[:-1]
    found = {tensor_name(node): _tensor(quantized, node) for node in inner}
    coefficients = [tensor_name(region.coefficient(*place)) for place in region.composite.places]
    largest = max(max(-found[name].low, found[name].high) for name in coefficients)
    inverse_scale = float(np.float32(_highest(region.composite.shifts)) / np.float32(largest))
    return found | {name: replace(found[name], inverse_scale=inverse_scale) for name in coefficients}


def _highest(shifts: int) -> int:
    """The largest integer of a coefficient."""
    return min(np.iinfo(np.int16).max, _LARGEST_SUM // (_WIDEST_DIFFERENCE * shifts))


def _tensor(quantized: QuantizedNetwork, node: fx.Node) -> KernelTensor:
    """What computes coefficients saturates where the integers of its tensor would; products do not."""
    layer = module_of(node)
    computes_coefficients = isinstance(layer, nn.AdaptiveAvgPool2d | nn.Conv2d) or is_clip(node)
    if clip_after(node) is not None or not computes_coefficients:
        return KernelTensor()
    qparams = quantized.tensor_qparams[tensor_name(node)]
    low, high = qparams.low, qparams.high
    if isinstance(layer, nn.Hardtanh):
        low, high = quantized_ends(layer, qparams)
    return KernelTensor(max(low, 0.0) if isinstance(layer, nn.ReLU) else low, high)
