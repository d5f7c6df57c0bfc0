"""Chooses the order of channels of every class, by what it costs in operators and multiply-adds."""

from collections.abc import Iterator
from math import prod

import numpy as np
from torch import fx, nn

from micronet_edge.lowering.channel_classes import Boundary, ChannelClass, ChannelClasses
from micronet_edge.lowering.channel_order import (
    Order,
    collected,
    grouped_skew,
    inverse,
    roll_order,
    transposed_skew,
)
from micronet_edge.lowering.convolutions import conv_of
from micronet_edge.lowering.costs import Costs
from micronet_edge.lowering.freeze_shift_max import FrozenShiftMax
from micronet_edge.lowering.graph import module_of, only_input, shape_of
from micronet_edge.lowering.widen_producers import copying_ns, widening_ns

Orders = dict[ChannelClass, Order]


def choose_channel_orders(classes: ChannelClasses, costs: Costs) -> Orders:
    """The cheapest order of every class, looking one convolution ahead."""
    chooser = _Chooser(classes, costs)
    orders: Orders = {}
    for group in classes.ordered:
        candidates = list(chooser.candidates(group, orders))
        totals = [chooser.cost_with_next(group, {**orders, group: order}) for order in candidates]
        orders[group] = candidates[int(np.argmin(totals))]
    return orders


def stays_grouped(conv: nn.Conv2d, inputs: Order | None, outputs: Order | None) -> bool:
    """Whether, with channels `inputs` and `outputs` by position, each group is still one block.

    None stands for an order that is not chosen yet and so may still fit.
    """
    input_groups = _group_of_blocks(inputs, conv.groups)
    output_groups = _group_of_blocks(outputs, conv.groups)
    if input_groups is None or output_groups is None:
        return False
    known = inputs is not None and outputs is not None
    return not known or bool(np.array_equal(input_groups, output_groups))


def _group_of_blocks(order: Order | None, groups: int) -> Order | None:
    """The group that each block of positions holds; None where some block mixes groups."""
    if order is None:
        return np.arange(groups)
    blocks = order.reshape(groups, -1) // (len(order) // groups)
    return blocks[:, 0] if (blocks == blocks[:, :1]).all() else None


class _Chooser:
    def __init__(self, classes: ChannelClasses, costs: Costs) -> None:
        self.classes, self.costs = classes, costs
        self.makers: dict[ChannelClass, list[tuple[fx.Node, nn.Conv2d]]] = {}
        self.readers: dict[ChannelClass, list[tuple[fx.Node, nn.Conv2d]]] = {}
        for node in classes.weighted:
            conv = conv_of(module_of(node))
            if conv is not None and conv.groups > 1:
                self.makers.setdefault(classes.of[node], []).append((node, conv))
                self.readers.setdefault(classes.of[only_input(node)], []).append((node, conv))

    def _grouped_around(self, group: ChannelClass) -> list[tuple[fx.Node, nn.Conv2d]]:
        return [*self.makers.get(group, ()), *self.readers.get(group, ())]

    def candidates(self, group: ChannelClass, orders: Orders) -> Iterator[Order]:
        """Orders worth trying: as trained at some tensor, good for some shift, kept in groups."""
        plain = list(self._plain_candidates(group))
        yield from plain
        for rank in self._group_ranks(group, orders):
            for order in plain:
                yield collected(order, rank)

    def _plain_candidates(self, group: ChannelClass) -> Iterator[Order]:
        spaces = {numbers.tobytes(): numbers for numbers in group.numbers.values()}
        for numbers in spaces.values():
            yield inverse(numbers)
        for node, activation in _shifts(group):
            to_class = inverse(group.numbers[node])
            for make in (grouped_skew, transposed_skew, roll_order):
                yield to_class[make(group.channels, activation.groups)]

    def _group_ranks(self, group: ChannelClass, orders: Orders) -> Iterator[Order]:
        for node, conv in self.readers.get(group, ()):
            yield group.numbers[only_input(node)] // (conv.in_channels // conv.groups)
        for node, conv in self.makers.get(group, ()):
            source = only_input(node)
            before = self.classes.of[source]
            if before in orders:
                labels = before.labels(source, orders[before])
                first_position = inverse(labels).reshape(conv.groups, -1).min(axis=1)
                yield first_position[group.numbers[node] // (conv.out_channels // conv.groups)]

    def cost_with_next(self, group: ChannelClass, orders: Orders) -> float:
        """The class's own cost and the least that the classes behind its grouped layers then pay."""
        total = self._cost(group, orders)
        for node, _ in self.readers.get(group, ()):
            behind = self.classes.of[node]
            if behind not in orders:
                options = self.candidates(behind, orders)
                total += min(self._cost(behind, {**orders, behind: order}) for order in options)
        return total

    def _cost(self, group: ChannelClass, orders: Orders) -> float:
        order = orders[group]
        return (
            sum(self._shift_cost(group, node, activation, order) for node, activation in _shifts(group))
            + sum(self._dense_cost(node, conv, orders) for node, conv in self._grouped_around(group))
            + sum(self._boundary_cost(group, boundary, order) for boundary in self.classes.boundaries)
        )

    def _shift_cost(
        self, group: ChannelClass, node: fx.Node, activation: FrozenShiftMax, order: Order
    ) -> float:
        sources = activation.sources_in_order(group.labels(node, order))
        return min(copying_ns(self.costs, node, sources), widening_ns(self.costs, node, sources))

    def _dense_cost(self, node: fx.Node, conv: nn.Conv2d, orders: Orders) -> float:
        """Zero while the orders chosen so far let the convolution keep its groups."""
        source = only_input(node)
        before, behind = self.classes.of[source], self.classes.of[node]
        inputs = before.labels(source, orders[before]) if before in orders else None
        outputs = behind.labels(node, orders[behind]) if behind in orders else None
        if stays_grouped(conv, inputs, outputs):
            return 0.0
        return self.costs.vain_ns(conv, prod(shape_of(node)))

    def _boundary_cost(self, group: ChannelClass, boundary: Boundary, order: Order) -> float:
        if boundary.node not in group.numbers:
            return 0.0
        return self.costs.copy_ns(group.labels(boundary.node, order), prod(shape_of(boundary.node)))


def _shifts(group: ChannelClass) -> Iterator[tuple[fx.Node, FrozenShiftMax]]:
    for node in group.numbers:
        module = module_of(node)
        if isinstance(module, FrozenShiftMax):
            yield node, module
