"""Which images a step of training takes, from the seed and the epoch alone."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

Numbers = Int64[np.ndarray, " n"]

_ORDER, _IMAGE = 0, 1  # keep the two kinds of random numbers apart
_UNSIGNED = 2**64


def epoch_order(count: int, seed: int, epoch: int) -> Numbers:
    """The numbers of all images in the order of an epoch."""
    return _generator(seed, _ORDER, epoch).permutation(count)


def balanced_order(classes: Sequence[int], seed: int, epoch: int) -> Numbers:
    """As many numbers as there are images, with each class equally often, or once more than others.

    A class gives all its images before one comes again.
    """
    random = _generator(seed, _ORDER, epoch)
    all_classes = np.asarray(classes, np.int64)
    present = random.permutation(np.unique(all_classes))
    share, more = divmod(len(all_classes), len(present))
    drawn = [
        _cycled(np.flatnonzero(all_classes == each), share + (place < more), random)
        for place, each in enumerate(present)
    ]
    return random.permutation(np.concatenate(drawn))


def image_generator(seed: int, epoch: int, number: int) -> np.random.Generator:
    """The random numbers of one image in one epoch."""
    return _generator(seed, _IMAGE, epoch, number)


def steps_in(count: int, batch_size: int) -> int:
    """The number of whole batches in an epoch; the last incomplete one is dropped."""
    return count // batch_size


def part_of(numbers: Numbers, rank: int, world: int) -> Numbers:
    """What one of `world` processes takes of a batch: the rank-th of equal slices."""
    each = len(numbers) // world
    return numbers[rank * each : (rank + 1) * each]


def _cycled(numbers: Numbers, count: int, random: np.random.Generator) -> Numbers:
    rounds = -(-count // len(numbers))
    return np.concatenate([numbers[:0], *(random.permutation(numbers) for _ in range(rounds))])[:count]


def _generator(seed: int, *place: int) -> np.random.Generator:
    return np.random.default_rng([seed % _UNSIGNED, *place])
