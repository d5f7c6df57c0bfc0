"""Runs any number of samples through a file that takes a fixed number of them, and checks their shapes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from micronet_edge.data.preprocessing import Images
from micronet_edge.data.signature import Samples
from micronet_edge.errors import TargetError
from micronet_edge.targets.session_protocol import Logits
from micronet_edge.util.text import plural

Tensor = TypeVar("Tensor")


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


def in_batches(images: Images, batch: int | None, run: Callable[[Images], Logits]) -> Logits:
    """Runs any number of images through a session that takes `batch` at a time (None: any number)."""
    return np.concatenate([run(part)[:count] for part, count in _parts(images, batch or len(images))])


def _parts(images: Images, batch: int) -> Iterator[tuple[Images, int]]:
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        missing = batch - len(part)
        yield np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]), len(part)


def only_ones(path: Path, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The one input and the one output of a file, whatever its runtime calls them.

    Raises TargetError on a file that has more or none.
    """
    if len(inputs) != 1 or len(outputs) != 1:
        found = f"{plural(len(inputs), 'input')} and {plural(len(outputs), 'output')}"
        raise TargetError(f"{path} has {found}, not one of each: only such files can be run here")
    return inputs[0], outputs[0]


def check_shape(path: Path, images: Images, expected: tuple[int, ...]) -> None:
    """Raises TargetError unless the images [n, c, h, w] have the file's channels, height and width."""
    if images.shape[1:] != expected:
        raise TargetError(
            f"{path} takes images of shape {list(expected)}, not {list(images.shape[1:])}: preprocess them "
            "as its metadata says, or give its own --input-size"
        )
