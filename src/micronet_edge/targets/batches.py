"""Runs any number of samples through a file that takes a fixed number of them at a time."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from micronet_edge.data.signature import Samples
from micronet_edge.errors import TargetError


def in_parts(inputs: Samples, batch: int | None, run: Callable[[Samples], Samples]) -> Samples:
    """All outputs for samples [n, ...] of every input, `batch` at a time (None: all at once).

    The last part is filled up with its last sample. What `run` gives is taken over before the next part.
    """
    count = len(inputs[0])
    size = batch or count
    parts = []
    for start in range(0, count, size):
        places = np.minimum(np.arange(start, start + size), count - 1)
        outputs = run(tuple(each[places] for each in inputs))
        parts.append([each[: count - start].copy() for each in outputs])
    return tuple(np.concatenate(each) for each in zip(*parts, strict=True))


def check_samples(path: Path, inputs: Samples, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raises TargetError unless there are samples for every input of the file, of its shape, as many of each.

    Given    the file, an array for each input, and by the name of each input the shape of one sample
    """
    given = [list(each.shape[1:]) for each in inputs]
    if given != [list(shape) for shape in shapes.values()]:
        wanted = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise TargetError(f"{path} takes {wanted}, not {given}: give an array [n, ...] for each input")
    if len({len(each) for each in inputs}) != 1 or not len(inputs[0]):
        counts = [len(each) for each in inputs]
        raise TargetError(f"{path} got {counts} samples of its inputs: give as many of each, at least one")
