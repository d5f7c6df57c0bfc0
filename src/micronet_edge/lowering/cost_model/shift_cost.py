"""What the shifts of a Dynamic Shift-Max cost: as copies, or as extra channels of the layer before it."""

from math import prod

import numpy as np
from torch import fx

from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.ir.convolutions import conv_of
from micronet_edge.lowering.ir.graph import feeds_only, module_of, only_input, shape_of

Sources = tuple[tuple[int, ...], ...]


def widened(sources: Sources) -> tuple[list[int], Sources]:
    """Channels that the producer must give, and the run of them that every shifted input is."""
    outputs = list(sources[0])
    runs = [tuple(range(len(outputs)))]
    for source in sources[1:]:
        shared = _overlap(outputs, source)
        start = len(outputs) - shared
        outputs.extend(source[shared:])
        runs.append(tuple(range(start, start + len(source))))
    return outputs, tuple(runs)


def copying_ns(costs: Costs, node: fx.Node, sources: Sources) -> float:
    """What the shifts cost as slices and concatenations; a product with a matrix needs none."""
    if costs.mixing_pays(len(sources[0]), prod(shape_of(node)[2:])):
        return 0.0
    return sum(costs.copy_ns(np.array(source), prod(shape_of(node))) for source in sources)


def widening_ns(costs: Costs, node: fx.Node, sources: Sources) -> float:
    """What the shifts cost as extra channels of the producer; infinite where it cannot give any.

    A runtime that gathers copies for a slice as well: it has nothing to win.
    """
    producer = only_input(node)
    conv = conv_of(module_of(producer))
    if conv is None or conv.groups > 1 or costs.gathers or not feeds_only(producer, node):
        return float("inf")
    extra = len(widened(sources)[0]) - len(sources[0])
    return costs.extra_channels_ns(conv, extra, prod(shape_of(node)[2:]))


def _overlap(outputs: list[int], source: tuple[int, ...]) -> int:
    """How many channels at the end of `outputs` are those at the start of `source`."""
    longest = min(len(outputs), len(source))
    return next((n for n in range(longest, 0, -1) if tuple(outputs[-n:]) == source[:n]), 0)
