"""Lets the convolution before a Dynamic Shift-Max compute the shifted channels as well."""

from torch import fx

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.shift_cost import copying_ns, widened, widening_ns
from micronet_edge.lowering.ir.convolutions import select_outputs
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph import calls, module_of, only_input, replace_module
from micronet_edge.lowering.ir.pass_base import Pass


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
