"""Proposes candidate channel orders."""

from collections.abc import Iterable, Iterator

import numpy as np
from torch import fx

from micronet_edge.lowering.cost_model.channel_classes import ChannelClass, ChannelClasses
from micronet_edge.lowering.cost_model.layout_cost import Orders, grouped_convolutions, repeated, shuffled
from micronet_edge.lowering.ir.channel_order import (
    Order,
    collected,
    grouped_skew,
    inverse,
    roll_order,
    transposed_skew,
)
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph import module_of, only_input


class Proposals:
    """Candidate orders: as trained at some tensor, contiguous for some shift, or grouped."""

    def __init__(self, classes: ChannelClasses) -> None:
        self._classes = classes
        self._convs = grouped_convolutions(classes)
        self._plain = {group: _distinct(_plain(group)) for group in classes.ordered}
        self._links = {group: self._linked(group) for group in classes.ordered}
        self._repeated = {classes.of[node]: node for node in classes.repeats}

    def orders(self, group: ChannelClass, chosen: Orders) -> list[Order]:
        """Candidate orders for a class, given the orders of earlier classes.

        They include the orders of classes on the other side of a shuffle, with which the shuffle moves
        nothing. After a Repeat the only candidate is the order before it, copy by copy.
        """
        if group in self._repeated:
            return [repeated(self._repeated[group], self._classes, chosen)]
        linked = self._links[group]
        plain = _distinct(inverse(link)[order] for other, link in linked for order in self._plain[other])
        beside = [inverse(link)[chosen[other]] for other, link in linked if other in chosen]
        ranks = [rank[link] for other, link in linked for rank in self._ranks(other, chosen)]
        return _distinct([*plain, *beside, *(collected(order, rank) for rank in ranks for order in plain)])

    def _ranks(self, group: ChannelClass, chosen: Orders) -> Iterator[Order]:
        """For every grouped convolution next to the class, the group of each channel."""
        for node, conv in self._convs:
            before = self._classes.of[only_input(node)]
            if before is group:
                yield np.arange(group.channels) // (conv.in_channels // conv.groups)
            if self._classes.of[node] is group and before in chosen:
                positions = inverse(chosen[before])
                first_position = positions.reshape(conv.groups, -1).min(axis=1)
                yield first_position[np.arange(group.channels) // (conv.out_channels // conv.groups)]

    def _linked(self, group: ChannelClass) -> list[tuple[ChannelClass, Order]]:
        """The classes that shuffles connect with this one, and the index there of each of its channels."""
        found = {group: np.arange(group.channels)}
        waiting = [group]
        while waiting:
            here = waiting.pop()
            for node in self._classes.shuffles:
                for one, other, link in self._sides(node):
                    if one is here and other not in found:
                        found[other] = link[found[here]]
                        waiting.append(other)
        return list(found.items())

    def _sides(self, shuffle: fx.Node) -> Iterator[tuple[ChannelClass, ChannelClass, Order]]:
        """Both directions across a shuffle, with the other side's index for each channel."""
        before, behind = self._classes.of[only_input(shuffle)], self._classes.of[shuffle]
        link = shuffled(shuffle)
        yield behind, before, link
        yield before, behind, inverse(link)


def _plain(group: ChannelClass) -> Iterator[Order]:
    yield np.arange(group.channels)
    for node in group.nodes:
        activation = module_of(node)
        if isinstance(activation, FrozenShiftMax):
            for make in (grouped_skew, transposed_skew, roll_order):
                yield make(group.channels, activation.groups)


def _distinct(orders: Iterable[Order]) -> list[Order]:
    """The orders without repetition."""
    return list({order.tobytes(): order for order in orders}.values())
