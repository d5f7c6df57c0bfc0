"""Rounds an image and the first tensors as finely as integers can."""

from dataclasses import replace

from torch import Tensor, fx

from micronet_edge.lowering.contract import apply, probe_image
from micronet_edge.lowering.elementary import AddConstant
from micronet_edge.lowering.freeze_shift_max import RELU6_SPAN
from micronet_edge.lowering.graph import module_of, shape_of
from micronet_edge.lowering.read_pixels import FRAMED, PIXELS, SCALED, ReadPixels
from micronet_edge.lowering.split_saturation import TILE, Saturation, SplitSaturation, find_saturation
from micronet_edge.lowering.split_signs import SIGNS, SplitSigns, find_signed
from micronet_edge.quantization.grid import Grid, activation_grid
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.rounded_tensors import tensor_name

_BITS = 8
PIXEL_GRID = Grid(scale=1 / 255, zero_point=-128, bits=_BITS)
"""A pixel's value, less 128."""


def refine_stem(quantized: QuantizedNetwork) -> QuantizedNetwork:
    """The same function: integers that are pixels, a first activation in parts, a first sum in two halves.

    What reads the image in float, or rounds to 16 bits, needs none of that and stays as it is.
    """
    image, *_ = quantized.network.graph.nodes
    if quantized.bits != _BITS or not quantized.is_integer(image):
        return quantized
    probe = probe_image(quantized.preprocessing.size)
    for refined in (_with_pixels, _with_parts, _with_halves):
        quantized = refined(quantized, probe)
    return quantized


def _with_pixels(quantized: QuantizedNetwork, probe: Tensor) -> QuantizedNetwork:
    rewrite = ReadPixels(quantized.preprocessing)
    network, applied = apply(rewrite, quantized.network, probe)
    if not applied.places:
        return quantized
    # Nothing reads these in integers but a constant on the pixels' grid.
    grids = dict.fromkeys((SCALED, PIXELS, FRAMED), PIXEL_GRID)
    return replace(
        quantized,
        network=network,
        grids={**quantized.grids, **grids},
        float_layers=quantized.float_layers | {SCALED, PIXELS},
    )


def _with_parts(quantized: QuantizedNetwork, probe: Tensor) -> QuantizedNetwork:
    found = find_saturation(quantized.network)
    if found is None or not quantized.is_integer(found.behind):
        return quantized
    parts = TILE // shape_of(found.clip)[1]
    network, _ = apply(SplitSaturation(), quantized.network, probe)
    return replace(quantized, network=network, grids={**quantized.grids, **_grids(found, parts)})


def _grids(found: Saturation, parts: int) -> dict[str, Grid]:
    span = RELU6_SPAN / parts
    grids = {tensor_name(found.clip): activation_grid(0.0, span, _BITS)}
    if found.border is not None:
        border = module_of(found.border)
        assert isinstance(border, AddConstant)
        least, most = float(border.constant.min()), float(border.constant.max())
        # What the clip would cut off needs no room before the correction either.
        grids[tensor_name(found.conv)] = activation_grid(-most, span - least, _BITS)
    return grids


def _with_halves(quantized: QuantizedNetwork, probe: Tensor) -> QuantizedNetwork:
    pair = find_signed(quantized.network)
    if pair is None or not all(map(quantized.is_integer, pair)):
        return quantized
    network, _ = apply(SplitSigns(), quantized.network, probe)
    name = tensor_name(pair[0])
    whole = quantized.grids[name]
    half = activation_grid(0.0, max(-whole.low, whole.high), _BITS)
    grids = {other: grid for other, grid in quantized.grids.items() if other != name}
    return replace(quantized, network=network, grids={**grids, f"{name}/{SIGNS}": half})


def stem_layers(network: fx.GraphModule) -> frozenset[str]:
    """The operators that `refine_stem` rounds far more finely than the common network would."""
    found = find_saturation(network)
    nodes = [] if found is None else [found.conv, found.border, found.clip, found.behind]
    nodes += find_signed(network) or ()
    return frozenset(tensor_name(node) for node in nodes if node is not None)
