"""Lets the convolution before a Dynamic Shift-Max compute the shifted channels as well."""

from math import prod

import numpy as np
from torch import fx

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.ir.convolutions import conv_of, select_outputs
from micronet_edge.lowering.ir.graph import calls, feeds_only, module_of, only_input, replace_module, shape_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.passes.freeze_shift_max import FrozenShiftMax

Sources = tuple[tuple[int, ...], ...]


class WidenProducers(Pass):
    """Repeats output channels of a dense convolution so that every shift is one slice.

    Given    x -> dense Conv2d, d channels -> FrozenShiftMax with scattered sources
    Result   x -> dense Conv2d, d + extra channels -> FrozenShiftMax with contiguous sources

    A roll needs only the channels that wrap around; any other shift needs all of them once more.
    Done where the extra multiply-adds cost less than copying the pieces of the shifts.
    """

    def __init__(self, costs: Costs) -> None:
        self.costs = costs

    def change(self, network: fx.GraphModule) -> int:
        nodes = [(node, module) for node, module in calls(network, FrozenShiftMax) if self._matches(node)]
        for node, activation in nodes:
            producer = only_input(node)
            layer = module_of(producer)
            assert layer is not None
            outputs, sources = widened(activation.sources)
            replace_module(network, producer, select_outputs(layer, outputs))
            replace_module(network, node, activation.with_sources(sources))
        return len(nodes)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, FrozenShiftMax):
            if self._matches(node):
                raise LoweringError(f"the producer of {node.target} could have been widened")

    def _matches(self, node: fx.Node) -> bool:
        activation = module_of(node)
        assert isinstance(activation, FrozenShiftMax)
        return copying_ns(self.costs, node, activation.sources) > widening_ns(
            self.costs, node, activation.sources
        )


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
