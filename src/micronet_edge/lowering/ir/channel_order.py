"""Orders of channels: pure functions over permutations, no tensors.

An order says which channel, by its number in the trained network, lies at each position. A shift of
the channel grid (group, position in the group) by one step on both axes is a scattered permutation
in the trained order and one or two contiguous moves in the right one.
"""

from math import gcd

import numpy as np
from numpy.typing import NDArray

Order = NDArray[np.int64]


def inverse(order: Order) -> Order:
    """The position of every channel."""
    positions = np.empty_like(order)
    positions[order] = np.arange(len(order))
    return positions


def segments(index: Order) -> list[tuple[int, int]]:
    """The index as its longest runs of consecutive channels, each [start, stop)."""
    breaks = np.flatnonzero(np.diff(index) != 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(index, breaks)]


def grouped_skew(channels: int, groups: int) -> Order:
    """Groups stay together, each rotated so that (g, i) -> (g + 1, i + 1) keeps the position.

    Position (g, q) holds channel (g, q + g). The shift is then one move of all groups by one and,
    unless the group's width divides `groups`, a rotation of the group that wraps around: at most
    three segments.
    """
    width = channels // groups
    group, position = np.divmod(np.arange(channels), width)
    order: Order = group * width + (position + group) % width
    return order


def transposed_skew(channels: int, groups: int) -> Order:
    """As grouped_skew with the grid's axes exchanged: the positions of all groups stay together."""
    width = channels // groups
    position, rank = np.divmod(np.arange(channels), groups)
    return (rank + position) % groups * width + position


def roll_order(channels: int, groups: int) -> Order:
    """Interleaves the shift's cycles: it becomes one roll by gcd(groups, channels // groups)."""
    width = channels // groups
    step, cycle = np.divmod(np.arange(channels), gcd(groups, width))
    order: Order = step % groups * width + (step + cycle) % width
    return order


def collected(order: Order, rank: Order) -> Order:
    """The order with channels of equal rank brought together, ranks ascending, else as it was."""
    return order[np.argsort(rank[order], kind="stable")]
