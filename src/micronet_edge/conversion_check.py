"""Does a float file compute what the network does? A target asks before anybody gets the file."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from micronet_edge.errors import TargetError
from micronet_edge.lowering.contract import tensors_in
from micronet_edge.photographs import photographs
from micronet_edge.preprocessing import Images, Preprocessing
from micronet_edge.threads import one_thread
from micronet_edge.verification import FLOAT32_TOLERANCE

Outputs = Sequence[NDArray[np.float32]]
_NOISE_IMAGES = 2


def check_conversion(
    name: str,
    network: nn.Module,
    run: Callable[[Images], Outputs],
    *,
    preprocessing: Preprocessing,
    batch: int,
) -> None:
    """Holds every output of a file against the network that was written into it.

    Args: the file's name; `run`, which gives the file's outputs in the network's own order and layout for
        `batch` images [batch, 3, size, size], in the file's own runtime.
    Raises: TargetError that names the output and its largest difference, relative to the network's largest.
    """
    with torch.no_grad(), one_thread():
        for images in _trials(preprocessing, batch):
            expected = [tensor.numpy() for tensor in tensors_in(network(torch.from_numpy(images)))]
            _compare(name, run(images), expected)


def _trials(preprocessing: Preprocessing, batch: int) -> Iterator[Images]:
    """Photographs, then noise, so many at a time: noise passes where a photograph is all one colour."""
    known = preprocessing.batch(photographs())
    noise = np.random.default_rng(0).standard_normal((_NOISE_IMAGES, *known.shape[1:])).astype(np.float32)
    images = np.concatenate([known, noise])
    for start in range(0, len(images), batch):
        # The last batch is filled up from the start.
        yield images[np.arange(start, start + batch) % len(images)]


def _compare(name: str, found: Outputs, expected: Outputs) -> None:
    shapes = [[list(each.shape) for each in outputs] for outputs in (found, expected)]
    if shapes[0] != shapes[1]:
        raise TargetError(
            f"{name}: the converted file gives {shapes[0]}, the network {shapes[1]}: this network cannot be "
            "written in this format"
        )
    for place, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        if not np.isfinite(theirs).all():
            raise TargetError(f"{name}: the network itself gives NaN or infinity: check its weights")
        largest = max(float(np.abs(theirs).max(initial=0)), float(np.finfo(np.float32).tiny))
        difference = float(np.abs(ours - theirs).max(initial=0)) / largest
        if not difference <= FLOAT32_TOLERANCE:
            raise TargetError(
                f"{name}: the converted file is not the same function: output {place} differs by up to "
                f"{difference:.1e} of its largest value ({FLOAT32_TOLERANCE:.0e} allowed): this network "
                "cannot be written in this format"
            )
