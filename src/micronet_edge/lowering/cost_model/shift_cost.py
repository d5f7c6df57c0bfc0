"""The cost of a Dynamic Shift-Max's shifts: as copies, or as extra channels of the layer before it."""

from math import prod

import numpy as np
from torch import fx

from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.ir.convolutions import conv_of
from micronet_edge.lowering.ir.graph import feeds_only, module_of, only_input, shape_of

Sources = tuple[tuple[int, ...], ...]


def widened(sources: Sources) -> tuple[list[int], Sources]:
    """The channels that the producer must output, and the contiguous run of each shifted input in them."""
    outputs = list(sources[0])
    runs = [tuple(range(len(outputs)))]
    for source in sources[1:]:
        shared = _overlap(outputs, source)
        start = len(outputs) - shared
        outputs.extend(source[shared:])
        runs.append(tuple(range(start, start + len(source))))
    return outputs, tuple(runs)


def copying_ns(costs: Costs, node: fx.Node, sources: Sources) -> float:
    """The cost of the shifts as slices and concatenations; zero for a matrix product."""
    if costs.mixing_pays(len(sources[0]), prod(shape_of(node)[2:])):
        return 0.0
    return sum(costs.copy_ns(np.array(source), prod(shape_of(node))) for source in sources)


def widening_ns(costs: Costs, node: fx.Node, sources: Sources) -> float:
    """The cost of the shifts as extra channels of the producer; infinite if it cannot output any.

    It does not help a runtime that gathers, since a slice copies as well.
    """
    producer = only_input(node)
    conv = conv_of(module_of(producer))
    if conv is None or conv.groups > 1 or costs.gathers or not feeds_only(producer, node):
        return float("inf")
    extra = len(widened(sources)[0]) - len(sources[0])
    return costs.extra_channels_ns(conv, extra, prod(shape_of(node)[2:]))


def _overlap(outputs: list[int], source: tuple[int, ...]) -> int:
    """The number of channels at the end of `outputs` that equal the start of `source`."""
    longest = min(len(outputs), len(source))
    return next((n for n in range(longest, 0, -1) if tuple(outputs[-n:]) == source[:n]), 0)
