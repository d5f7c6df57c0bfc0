"""Labelled images to train on, wherever their bytes are."""

from dataclasses import dataclass, field
from typing import Protocol


class ImageStore(Protocol):
    """Encoded images by number; can be pickled, so that processes of a loader can read them."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> bytes:
        """The encoded bytes of an image. Raises SettingsError if they cannot be read."""

    def name(self, index: int) -> str:
        """What the image is called in messages: a path, or a shard and a name in it."""


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images and their classes, which are indices into the labels of the dataset.

    `hashes` are the SHA-256 of the images' pixels, in hexadecimal; or of their names and sizes where there
    were too many to decode.
    """

    store: ImageStore = field(repr=False)
    classes: tuple[int, ...] = field(repr=False)
    hashes: tuple[str, ...] = field(default=(), repr=False)

    @property
    def count(self) -> int:
        return len(self.classes)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The images of a training run.

    Attributes:
        train: images to train on.
        validation: images to measure on. None is among the training images if `divided`; otherwise a warning
            counts those that are.
        labels: labels by class.
        sha256: hash of the names, classes, parts and `hashes` of all images.
        source: what the user gave.
        skipped: unreadable files that were left out.
        warnings: what to know about the images, one line each, such as a class of three images.
        divided: whether this tool split one folder, or the user gave both parts.
    """

    train: ImageSet
    validation: ImageSet
    labels: tuple[str, ...]
    sha256: str
    source: str
    skipped: int = 0
    warnings: tuple[str, ...] = ()
    divided: bool = False
