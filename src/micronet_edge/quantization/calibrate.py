"""Finds the range of every tensor that is rounded, on images like those the network will see."""

from math import ceil

import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.ir.watch import Watched
from micronet_edge.quantization.bound_ranges import bounded, bounds_of
from micronet_edge.quantization.quantized_tensors import IMAGE, clip_after, rounded_tensors, tensor_name

Range = tuple[float, float]
_BATCH = 32
_LITTLE = 0.25
"""The part of a range that may be given up for steps of one size."""


def calibrate(
    network: fx.GraphModule, images: Tensor, percentile: float, image: Range | None = None
) -> dict[str, Range]:
    """The range of each tensor that has a grid of its own, by name.

    Given    a decomposed network, images [n, 3, size, size], a percentile below 100 such as 99.99; the
             range of any image, where that is known
    Result   ranges that leave out the largest and the smallest 100 - percentile per cent of values; those
             that nearly reach what mathematics allows are out to it
    """
    own, left_out = set(rounded_tensors(network).values()), 1 - percentile / 100
    tails: dict[str, _Tails] = {}

    def take(node: fx.Node, value: Tensor) -> None:
        if (name := tensor_name(node)) in own:
            count = value[0].numel() * len(images) * left_out
            tails.setdefault(name, _Tails(max(1, ceil(count)))).take(value)

    watched = Watched(network, take)
    for batch in torch.split(images, _BATCH):
        watched(batch)
    ranges = {name: tail.range() for name, tail in tails.items()}
    if image is not None:
        ranges = bounded(ranges, bounds_of(network, image)) | {IMAGE: image}
    _share_steps(network, ranges)
    return ranges


class _Tails:
    """The smallest and the largest values of a tensor, as many as lie outside its range."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._smallest = self._largest = torch.empty(0)

    def take(self, values: Tensor) -> None:
        for sign, name in ((-1, "_smallest"), (1, "_largest")):
            merged = torch.cat([getattr(self, name), sign * values.flatten()])
            setattr(self, name, merged.topk(min(self._count, len(merged))).values)

    def range(self) -> Range:
        return float(-self._smallest[-1]), float(self._largest[-1])


def _share_steps(network: fx.GraphModule, ranges: dict[str, Range]) -> None:
    """Gives a convolution and the border correction behind it steps of one size.

    The correction is zero away from the border, where the sum then is exact: one rounding, not two.
    Where a clip follows, what it would cut off needs no room before the correction either.
    """
    for node in network.graph.nodes:
        layer = module_of(node)
        if not isinstance(layer, AddConstant) or layer.constant.numel() == 1:
            continue
        (source,) = node.all_input_nodes
        clip = clip_after(node)
        low, high = ranges[tensor_name(clip or node)]
        least, most = float(layer.constant.min()), float(layer.constant.max())
        if clip is not None:
            ranges[tensor_name(source)] = (low - most, high - least)
        elif most - least < _LITTLE * (high - low):
            span = high - low + most - least
            ranges[tensor_name(source)] = (low - most, low - most + span)
            ranges[tensor_name(node)] = (low, low + span)
