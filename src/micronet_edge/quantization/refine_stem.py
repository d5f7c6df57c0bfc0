"""Quantizes the image and the first tensors with the smallest scales that integers allow."""

from dataclasses import replace

from torch import fx

from micronet_edge.lowering.ir.frozen_shift_max import RELU6_SPAN
from micronet_edge.lowering.ir.graph import module_of, shape_of
from micronet_edge.lowering.ir.pass_base import apply
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.passes.fold_input_normalization import (
    FRAMED,
    PIXELS,
    SCALED,
    FoldInputNormalization,
)
from micronet_edge.lowering.passes.split_positive_negative import SIGNS, SplitPositiveNegative, find_signed
from micronet_edge.lowering.passes.split_relu6_range import TILE, Saturation, SplitRelu6Range, find_saturation
from micronet_edge.quantization.probe import probe_of
from micronet_edge.quantization.qparams import QuantParams, activation_qparams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.samples import Inputs

_BITS = 8
PIXEL_QPARAMS = QuantParams(scale=1 / 255, zero_point=-128, bits=_BITS)
"""The integer of a pixel is its byte less 128."""


def refine_stem(quantized: QuantizedNetwork) -> QuantizedNetwork:
    """The same function with pixels as integers, the first ReLU6 in parts, and the first sum in two halves.

    A network that reads the image in float32, has activations of 16 bits, or takes no image, does not change.
    """
    if not _takes_bytes(quantized):
        return quantized
    quantized, probe = with_pixels(quantized), probe_of(quantized)
    for refined in (_with_parts, _with_halves):
        quantized = refined(quantized, probe)
    return quantized


def with_pixels(quantized: QuantizedNetwork) -> QuantizedNetwork:
    """The same function with pixels as integers: the byte less 128 of each.

    A network that reads the image in float32, has activations of 16 bits, or takes no image, does not change.
    """
    if not _takes_bytes(quantized):
        return quantized
    pass_ = FoldInputNormalization(quantized.preprocessing)
    network, applied = apply(pass_, quantized.network, probe_of(quantized))
    if not applied.places:
        return quantized
    # In integers, only a constant with the same parameters reads these.
    tensor_qparams = dict.fromkeys((SCALED, PIXELS, FRAMED), PIXEL_QPARAMS)
    return replace(
        quantized,
        network=network,
        tensor_qparams={**quantized.tensor_qparams, **tensor_qparams},
        float_layers=quantized.float_layers | {SCALED, PIXELS},
    )


def _takes_bytes(quantized: QuantizedNetwork) -> bool:
    """Whether the network's only input is an image, read as integers of 8 bits."""
    image, *_ = quantized.network.graph.nodes
    return quantized.takes_images and quantized.bits == _BITS and quantized.is_integer(image)


def _with_parts(quantized: QuantizedNetwork, probe: Inputs) -> QuantizedNetwork:
    found = find_saturation(quantized.network)
    if found is None or not quantized.is_integer(found.behind):
        return quantized
    parts = TILE // shape_of(found.clip)[1]
    network, _ = apply(SplitRelu6Range(), quantized.network, probe)
    return replace(
        quantized,
        network=network,
        tensor_qparams={**quantized.tensor_qparams, **_tensor_qparams(found, parts)},
    )


def _tensor_qparams(found: Saturation, parts: int) -> dict[str, QuantParams]:
    span = RELU6_SPAN / parts
    tensor_qparams = {tensor_name(found.clip): activation_qparams(0.0, span, _BITS)}
    if found.border is not None:
        border = module_of(found.border)
        assert isinstance(border, AddConstant)
        least, most = float(border.constant.min()), float(border.constant.max())
        # The range before the correction leaves out what the clip removes.
        tensor_qparams[tensor_name(found.conv)] = activation_qparams(-most, span - least, _BITS)
    return tensor_qparams


def _with_halves(quantized: QuantizedNetwork, probe: Inputs) -> QuantizedNetwork:
    pair = find_signed(quantized.network)
    if pair is None or not all(map(quantized.is_integer, pair)):
        return quantized
    network, _ = apply(SplitPositiveNegative(), quantized.network, probe)
    name = tensor_name(pair[0])
    whole = quantized.tensor_qparams[name]
    half = activation_qparams(0.0, max(-whole.low, whole.high), _BITS)
    tensor_qparams = {other: qparams for other, qparams in quantized.tensor_qparams.items() if other != name}
    return replace(quantized, network=network, tensor_qparams={**tensor_qparams, f"{name}/{SIGNS}": half})


def stem_layers(network: fx.GraphModule) -> frozenset[str]:
    """The operators that `refine_stem` gives far smaller scales than the common network has."""
    found = find_saturation(network)
    nodes = [] if found is None else [found.conv, found.border, found.clip, found.behind]
    nodes += find_signed(network) or ()
    return frozenset(tensor_name(node) for node in nodes if node is not None)
