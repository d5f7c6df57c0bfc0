"""The images that fine-tuning trains on and judges by: read, split, enlarged at random."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional as F

from micronet_edge.data.image_folders import SKIP_HINT, LabelledImages
from micronet_edge.data.preprocessing import Preprocessing, open_image
from micronet_edge.errors import SettingsError

HELD_OUT = 10
"""One image in so many, of every class, is held out: these choose the epoch."""

SEED = 0
"""Of the split and of all random changes of images."""

_BATCH = 64
_ZOOM = 1.4
"""Images are enlarged up to this factor: on its training images as they are, the network is too confident."""
_MEMORY_BYTES = 1 << 30
"""Preprocessed images that stay in memory; the others are read again in every epoch."""

Pixels = Float32[np.ndarray, "3 size size"]


class TrainingImages:
    """Preprocessed images; those that fit into memory are read at once.

    Raises SettingsError on an image that cannot be read.
    """

    def __init__(self, images: LabelledImages, preprocessing: Preprocessing) -> None:
        self._paths, self._preprocessing = images.paths, preprocessing
        room = _MEMORY_BYTES // (3 * 4 * preprocessing.size**2)
        self._kept = [self._read(path) for path in images.paths[:room]]

    def batch(self, members: Sequence[int]) -> Tensor:
        """The images at these positions, [n, 3, size, size]."""
        return torch.from_numpy(np.stack([self._image(member) for member in members]))

    def _image(self, member: int) -> Pixels:
        return self._kept[member] if member < len(self._kept) else self._read(self._paths[member])

    def _read(self, path: Path) -> Pixels:
        try:
            return self._preprocessing.array(open_image(path))
        except SettingsError as error:
            raise SettingsError(f"{error}; {SKIP_HINT}") from error


def split(classes: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions to train on and to hold out: one in HELD_OUT of each class, at least one in all."""
    order = np.random.default_rng(SEED).permutation(len(classes))
    by_class = order[np.argsort(np.asarray(classes)[order], kind="stable")]
    held_out = set(by_class[HELD_OUT // 2 :: HELD_OUT].tolist())
    return tuple(i for i in range(len(classes)) if i not in held_out), tuple(sorted(held_out))


def batches(members: Sequence[int]) -> Iterator[Sequence[int]]:
    """The positions, as many at a time as are computed at once."""
    return (members[start : start + _BATCH] for start in range(0, len(members), _BATCH))


def enlarged(images: Tensor, random: np.random.Generator) -> Tensor:
    """A random square of each image [n, 3, size, size], enlarged to the full size."""
    part = 1 / random.uniform(1, _ZOOM, (len(images), 1))
    centre = random.uniform(-1, 1, (len(images), 2)) * (1 - part)  # coordinates run from -1 to 1
    where = np.zeros((len(images), 2, 3), np.float32)
    where[:, [0, 1], [0, 1]], where[:, :, 2] = part, centre
    grid = F.affine_grid(torch.from_numpy(where), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
