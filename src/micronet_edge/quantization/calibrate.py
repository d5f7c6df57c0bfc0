"""Finds the range of every quantized tensor, on samples like those that the network will see."""

from math import ceil, isfinite

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.ir.watch import Watched
from micronet_edge.quantization.bound_ranges import bounded, bounds_of
from micronet_edge.quantization.hold_borders import holding_borders
from micronet_edge.quantization.qparams import Range
from micronet_edge.quantization.quantized_tensors import IMAGE, calibrated_tensors, clip_after, tensor_name
from micronet_edge.quantization.samples import Given, count_of, in_batches

_BATCH = 32
_LITTLE = 0.25
"""The largest part of a range that is given up so that two tensors have the same scale."""


def calibrate(
    network: fx.GraphModule, given: Given, percentile: float, image: Range | None = None
) -> dict[str, Range]:
    """The range of each tensor that has quantization parameters of its own, by name.

    Args:
        network: a decomposed network.
        given: samples of every input.
        percentile: each end of a range leaves out 100 - percentile per cent of the values.
        image: the range of any image that is the only input, if it is known; infinite for other inputs.
            Ranges then reach a mathematical bound that is near.
    """
    own, left_out = calibrated_tensors(network), 1 - percentile / 100
    tails: dict[str, _Tails] = {}

    def take(node: fx.Node, value: Tensor) -> None:
        if (name := tensor_name(node)) in own:
            each = value.numel() // min(count, _BATCH)
            tails.setdefault(name, _Tails(max(1, ceil(each * count * left_out)))).take(value)

    watched, count = Watched(network, take), count_of(given)
    for batch in in_batches(given, _BATCH):
        watched(*batch)
    ranges = {name: tail.range() for name, tail in tails.items()}
    if image is not None:
        ranges = bounded(ranges, bounds_of(network, image))
        if all(map(isfinite, image)):
            ranges |= {IMAGE: image}
    ranges = holding_borders(network, ranges)
    _share_scales(network, ranges)
    return ranges


class _Tails:
    """The smallest and the largest values of a tensor: those outside its range, and its ends."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._smallest = self._largest = torch.empty(0)

    def take(self, values: Tensor) -> None:
        finite = values.flatten()
        if not finite.isfinite().all():  # of a mask, or of a quotient that stays in float32
            finite = finite[finite.isfinite()]
        for sign, name in ((-1, "_smallest"), (1, "_largest")):
            merged = torch.cat([getattr(self, name), sign * finite])
            setattr(self, name, merged.topk(min(self._count, len(merged))).values)

    def range(self) -> Range:
        if not len(self._largest):
            return 0.0, 0.0
        return float(-self._smallest[-1]), float(self._largest[-1])


def _share_scales(network: fx.GraphModule, ranges: dict[str, Range]) -> None:
    """Gives a convolution and the border correction behind it the same scale.

    The correction is zero away from the border, where the sum then is exact: one rounding instead of two.
    If a clip follows, the range before the correction leaves out what the clip removes.
    """
    for node in network.graph.nodes:
        layer = module_of(node)
        if not isinstance(layer, AddConstant) or layer.constant.numel() == 1:
            continue
        (source,) = node.all_input_nodes
        clip = clip_after(node)
        both = {tensor_name(source), tensor_name(clip or node)}
        if not isinstance(module_of(source), nn.Conv2d) or len(source.users) > 1 or not both <= set(ranges):
            continue
        low, high = ranges[tensor_name(clip or node)]
        least, most = float(layer.constant.min()), float(layer.constant.max())
        if clip is not None:
            ranges[tensor_name(source)] = (low - most, high - least)
        elif most - least < _LITTLE * (high - low):
            span = high - low + most - least
            ranges[tensor_name(source)] = (low - most, low - most + span)
            ranges[tensor_name(node)] = (low, low + span)
