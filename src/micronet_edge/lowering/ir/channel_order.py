"""Channel orders: pure functions over permutations, without tensors.

An order lists the channel at each position, by its index in the trained network. A shift by one on both
axes (group, position in the group) is a scattered permutation in the trained order and one or two
contiguous moves in a suitable one.
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
    """The maximal runs of consecutive channels in the index, each [start, stop)."""
    breaks = np.flatnonzero(np.diff(index) != 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(index, breaks)]


def grouped_skew(channels: int, groups: int) -> Order:
    """Keeps groups together, each rotated so that (g, i) -> (g + 1, i + 1) keeps the position.

    Position (g, q) holds channel (g, q + g). The shift then moves all groups by one and, unless the group's
    width divides `groups`, rotates the group that wraps around: at most three segments.
    """
    width = channels // groups
    group, position = np.divmod(np.arange(channels), width)
    order: Order = group * width + (position + group) % width
    return order


def transposed_skew(channels: int, groups: int) -> Order:
    """As grouped_skew with the axes swapped: equal positions of all groups stay together."""
    width = channels // groups
    position, rank = np.divmod(np.arange(channels), groups)
    return (rank + position) % groups * width + position


def roll_order(channels: int, groups: int) -> Order:
    """Interleaves the shift's cycles, so that it becomes one roll by gcd(groups, channels // groups)."""
    width = channels // groups
    step, cycle = np.divmod(np.arange(channels), gcd(groups, width))
    order: Order = step % groups * width + (step + cycle) % width
    return order


def collected(order: Order, rank: Order) -> Order:
    """The order stably sorted by rank."""
    return order[np.argsort(rank[order], kind="stable")]
