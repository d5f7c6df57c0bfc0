"""How ranges fit images that they were not found on: what saturates, and what part is used."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.ir.watch import Watched
from micronet_edge.quantization.qparams import Range
from micronet_edge.quantization.quantized_tensors import (
    calibrated_tensors,
    clip_after,
    input_names,
    tensor_name,
)
from micronet_edge.quantization.samples import Given, as_inputs, in_batches

_LEVELS = 255
"""Of a range: a value beyond it by less than one level is rounded, not clipped."""

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Utilisation:
    """How a tensor's range fits some images, in parts from 0 to 1.

    `clipped` is the part of the values that lie beyond the range, `used` the part of the range between the
    smallest and the largest value.
    """

    clipped: float
    used: float


def utilisation(
    network: fx.GraphModule, ranges: Mapping[str, Range], given: Given
) -> tuple[dict[str, Utilisation], Tensor]:
    """How each tensor's range fits the samples, by the tensor's name; and the network's first output.

    Inputs are left out, since an image fits by definition, and so is a sum that a clip limits later.

    Args:
        network: a decomposed network in float32.
        ranges: by name, of the tensors that have quantization parameters of their own.
        given: samples of every input.
    """
    own = calibrated_tensors(network) - input_names(network)
    counts = {
        node: _Count(ranges[tensor_name(node)])
        for node in network.graph.nodes
        if node.op == "call_module" and tensor_name(node) in own and not _is_clipped_later(node)
    }

    def take(node: fx.Node, value: Tensor) -> None:
        if (count := counts.get(node)) is not None:
            count.take(value)

    watched = Watched(network, take)
    first = torch.cat([as_inputs(watched(*batch))[0] for batch in in_batches(given, _BATCH)])
    return {tensor_name(node): count.found() for node, count in counts.items()}, first


def _is_clipped_later(node: fx.Node) -> bool:
    """Whether a border correction and a clip follow: the range leaves out what the clip removes."""
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
        level = (self._high - self._low) / _LEVELS
        outside = (values < self._low - level) | (values > self._high + level)
        self._beyond += int(outside.sum())
        self._values += values.numel()
        self._least, self._most = min(self._least, float(values.min())), max(self._most, float(values.max()))

    def found(self) -> Utilisation:
        span = self._high - self._low
        used = min(self._most, self._high) - max(self._least, self._low)
        return Utilisation(
            clipped=self._beyond / max(1, self._values), used=max(0.0, used / span) if span else 1.0
        )
