"""The cost of channel orders: scattered shifts, broken groups, data that shuffles move."""

from math import prod

import numpy as np
from torch import fx, nn

from micronet_edge.lowering.cost_model.channel_classes import Boundary, ChannelClass, ChannelClasses
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.shift_cost import copying_ns, widening_ns
from micronet_edge.lowering.ir.channel_order import Order, inverse
from micronet_edge.lowering.ir.convolutions import conv_of
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph import module_of, only_input, shape_of
from micronet_edge.lowering.ir.reorder import Repeat
from micronet_edge.models import ChannelShuffle

Orders = dict[ChannelClass, Order]


class Prices:
    """The costs of a runtime, applied to the layers of a network."""

    def __init__(self, classes: ChannelClasses, costs: Costs) -> None:
        self._classes, self._costs = classes, costs
        self._convs = grouped_convolutions(classes)

    def added_ns(self, group: ChannelClass, orders: Orders) -> float:
        """The cost that the order of a class adds, given the orders of earlier classes.

        A layer between two classes counts when the second of them gets its order.
        """
        convs = [(node, conv) for node, conv in self._convs if self._settled(node, group, orders)]
        shuffles = [node for node in self._classes.shuffles if self._settled(node, group, orders)]
        return (
            sum(self._shift_ns(node, orders[group]) for node in group.nodes)
            + sum(self._vain_ns(node, conv, orders) for node, conv in convs)
            + sum(self._shuffle_ns(node, orders) for node in shuffles)
            + sum(self._boundary_ns(group, boundary, orders[group]) for boundary in self._classes.boundaries)
        )

    def _settled(self, node: fx.Node, group: ChannelClass, orders: Orders) -> bool:
        """Whether the class is one side of the layer and the other side has its order already."""
        before, behind = self._classes.of[only_input(node)], self._classes.of[node]
        return group in {before, behind} and before in orders and behind in orders

    def _shift_ns(self, node: fx.Node, labels: Order) -> float:
        activation = module_of(node)
        if not isinstance(activation, FrozenShiftMax):
            return 0.0
        sources = activation.sources_in_order(labels)
        return min(copying_ns(self._costs, node, sources), widening_ns(self._costs, node, sources))

    def _vain_ns(self, node: fx.Node, conv: nn.Conv2d, orders: Orders) -> float:
        """Zero if the orders on both sides let the convolution keep its groups."""
        inputs, outputs = (orders[self._classes.of[side]] for side in (only_input(node), node))
        return (
            0.0 if stays_grouped(conv, inputs, outputs) else self._costs.vain_ns(conv, prod(shape_of(node)))
        )

    def _shuffle_ns(self, node: fx.Node, orders: Orders) -> float:
        return self._costs.permutation_ns(moved(node, self._classes, orders), prod(shape_of(node)))

    def _boundary_ns(self, group: ChannelClass, boundary: Boundary, order: Order) -> float:
        if self._classes.of[boundary.node] is not group:
            return 0.0
        return self._costs.copy_ns(order, prod(shape_of(boundary.node)))


def grouped_convolutions(classes: ChannelClasses) -> list[tuple[fx.Node, nn.Conv2d]]:
    """Grouped convolutions between two classes, which may have to become dense."""
    convs = ((node, conv_of(module_of(node))) for node in classes.weighted)
    return [(node, conv) for node, conv in convs if conv is not None and conv.groups > 1]


def stays_grouped(conv: nn.Conv2d, inputs: Order, outputs: Order) -> bool:
    """Whether each group is still one block, with channels `inputs` and `outputs` by position."""
    input_groups = _group_of_blocks(inputs, conv.groups)
    output_groups = _group_of_blocks(outputs, conv.groups)
    return (
        input_groups is not None and output_groups is not None and np.array_equal(input_groups, output_groups)
    )


def _group_of_blocks(order: Order, groups: int) -> Order | None:
    """The group in each block of positions; None if a block mixes groups."""
    blocks = order.reshape(groups, -1) // (len(order) // groups)
    return blocks[:, 0] if (blocks == blocks[:, :1]).all() else None


def moved(shuffle: fx.Node, classes: ChannelClasses, orders: Orders) -> Order:
    """The input position of each output position of a shuffle; ascending if it moves nothing."""
    inputs, outputs = (orders[classes.of[side]] for side in (only_input(shuffle), shuffle))
    return inverse(inputs)[shuffled(shuffle)[outputs]]


def shuffled(shuffle: fx.Node) -> Order:
    """The input channel of each output channel of a shuffle."""
    module = module_of(shuffle)
    assert isinstance(module, ChannelShuffle)
    return np.array(module.source(shape_of(shuffle)[1]))


def repeated(repeat: fx.Node, classes: ChannelClasses, orders: Orders) -> Order:
    """The order after a Repeat that reads its input in order, once per copy."""
    module = module_of(repeat)
    assert isinstance(module, Repeat)
    before = orders[classes.of[only_input(repeat)]]
    return np.concatenate([before + copy * len(before) for copy in range(module.copies)])
