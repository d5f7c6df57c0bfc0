"""How ranges fit images that they were not found on: what is cut off, and what is never used."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.ir.watch import Watched
from micronet_edge.quantization.quantized_tensors import IMAGE, clip_after, rounded_tensors, tensor_name

Range = tuple[float, float]

_STEPS = 255
"""Of a range: what lies beyond it by less than one of these is rounded, not cut off."""

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Utilisation:
    """How a tensor's range fits some images, in shares from 0 to 1.

    `clipped` is the share of the values that lie beyond the range, `used` the part of the range between the
    smallest and the largest of them.
    """

    clipped: float
    used: float


def utilisation(
    network: fx.GraphModule, ranges: Mapping[str, Range], images: Tensor
) -> tuple[dict[str, Utilisation], Tensor]:
    """How each tensor's range fits the images, by the tensor's name; and the network's logits.

    Given    a decomposed network in float32, the ranges of the tensors that have quantization parameters of
             their own, and preprocessed images [n, 3, size, size]
    Result   nothing of the image itself, which fits by definition, nor of a sum that a clip limits later;
             logits [n, classes]
    """
    own = set(rounded_tensors(network).values()) - {IMAGE}
    counts = {
        node: _Count(ranges[tensor_name(node)])
        for node in network.graph.nodes
        if node.op == "call_module" and tensor_name(node) in own and not _is_cut_off_later(node)
    }

    def take(node: fx.Node, value: Tensor) -> None:
        if (count := counts.get(node)) is not None:
            count.take(value)

    watched = Watched(network, take)
    logits = torch.cat([watched(batch) for batch in torch.split(images, _BATCH)])
    return {tensor_name(node): count.found() for node, count in counts.items()}, logits


def _is_cut_off_later(node: fx.Node) -> bool:
    """Whether the node gives what a border correction and a clip follow: it has no room for the rest."""
    readers = list(node.users)
    return (
        len(readers) == 1
        and isinstance(module_of(readers[0]), AddConstant)
        and clip_after(readers[0]) is not None
    )


class _Count:
    def __init__(self, span: Range) -> None:
        self._low, self._high = span
        self._beyond = self._values = 0
        self._least, self._most = float("inf"), float("-inf")

    def take(self, values: Tensor) -> None:
        step = (self._high - self._low) / _STEPS
        outside = (values < self._low - step) | (values > self._high + step)
        self._beyond += int(outside.sum())
        self._values += values.numel()
        self._least, self._most = min(self._least, float(values.min())), max(self._most, float(values.max()))

    def found(self) -> Utilisation:
        span = self._high - self._low
        used = min(self._most, self._high) - max(self._least, self._low)
        return Utilisation(
            clipped=self._beyond / max(1, self._values), used=max(0.0, used / span) if span else 1.0
        )
