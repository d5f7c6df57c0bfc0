"""The order in which a file stores the axes of a tensor: pure functions over permutations.

An order (0, 2, 3, 1) says that the file stores axis 0 of the tensor in PyTorch first, then 2, 3 and 1: it is
that of a map [n, c, h, w] with its channels last. An axis of length 1 may stand anywhere: no number moves.
"""

from collections.abc import Collection, Sequence

Order = tuple[int, ...]
Shape = tuple[int, ...]

CHANNELS_LAST = (0, 2, 3, 1)


def usual(rank: int) -> Order:
    """The order at a file's inputs and outputs: channels last for a map, else that of PyTorch."""
    return CHANNELS_LAST if rank == len(CHANNELS_LAST) else tuple(range(rank))


def stored(shape: Sequence[int], order: Order) -> Shape:
    """The shape of a tensor in the file."""
    return tuple(shape[axis] for axis in order)


def same_memory(shape: Sequence[int], one: Order, other: Order) -> bool:
    """Whether the numbers lie in memory alike in both orders."""
    return _long_axes(shape, one) == _long_axes(shape, other)


def settled(shape: Sequence[int], order: Order) -> Order:
    """The usual order where it is the same memory, else the given one."""
    return usual(len(order)) if same_memory(shape, order, usual(len(order))) else order


def after_permute(order: Order, permutation: Order) -> Order:
    """The order of the tensor whose axis k is axis permutation[k] of a tensor in this order."""
    return tuple(permutation.index(axis) for axis in order)


def with_last(order: Order, axis: int) -> Order:
    """The order with that axis moved to the end."""
    return (*(each for each in order if each != axis), axis)


def without(order: Order, dropped: Collection[int]) -> Order:
    """The order of the tensor that lacks these axes."""
    kept = [axis for axis in order if axis not in dropped]
    return tuple(sorted(kept).index(axis) for axis in kept)


def after_reshape(shape: Shape, order: Order, result: Shape) -> tuple[Order, Order]:
    """The order in which a tensor must stand to be reshaped without moving a number, and that of the result.

    Given    a tensor's shape in PyTorch, the order in which it stands, the shape that it gets in PyTorch
    Result   the order in which it stands where that is possible, else that of PyTorch
    """
    groups = _groups(shape, result)
    sequence = _group_sequence(shape, order, groups)
    if sequence is None:
        return tuple(range(len(shape))), settled(result, tuple(range(len(result))))
    made = tuple(axis for place in sequence for axis in groups[place][1])
    return order, settled(result, made)


def _long_axes(shape: Sequence[int], order: Order) -> list[int]:
    return [axis for axis in order if shape[axis] != 1]


def _groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """The smallest runs of old and new axes that hold as many numbers."""
    groups, i, j = [], 0, 0
    while i < len(old) or j < len(new):
        before, after = list(range(i, len(old)))[:1], list(range(j, len(new)))[:1]
        counts = [old[i] if before else 1, new[j] if after else 1]
        i, j = i + len(before), j + len(after)
        while counts[0] != counts[1]:
            if counts[0] < counts[1]:
                counts[0], before, i = counts[0] * old[i], [*before, i], i + 1
            else:
                counts[1], after, j = counts[1] * new[j], [*after, j], j + 1
        groups.append((before, after))
    return groups


def _group_sequence(
    shape: Shape, order: Order, groups: list[tuple[list[int], list[int]]]
) -> list[int] | None:
    """The groups as they lie in memory; None where the axes of one do not lie together, in order."""
    place_of = {axis: place for place, (before, _) in enumerate(groups) for axis in before}
    axes = _long_axes(shape, order)
    sequence = list(dict.fromkeys(place_of[axis] for axis in axes))
    together = [axis for place in sequence for axis in groups[place][0] if shape[axis] != 1]
    if together != axes:
        return None
    for place in range(len(groups)):  # those of length 1 stand behind the group before them
        if place not in sequence:
            sequence.insert(sequence.index(place - 1) + 1 if place else 0, place)
    return sequence
