"""What to export: the network, read or drawn, and everything its files will say of themselves."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from micronet_edge.errors import SettingsError
from micronet_edge.metadata import FileMetadata
from micronet_edge.models import FAMILY, MicroNet, check_input_size, load_checkpoint
from micronet_edge.models.random_weights import random_network
from micronet_edge.photographs import photographs
from micronet_edge.preprocessing import Preprocessing
from micronet_edge.settings import ExportSettings
from micronet_edge.user_files import LABELS, read_text

_IMAGENET_CLASSES = 1000
_IMAGENET_SIZE = 224


@dataclass(frozen=True, slots=True)
class Source:
    """The network to export and everything its files will say of themselves."""

    network: MicroNet
    metadata: FileMetadata
    checkpoint: Path | None

    @property
    def stem(self) -> str:
        """What the names of the files start with."""
        return random_stem(self.metadata.variant) if self.checkpoint is None else self.checkpoint.stem


def random_stem(variant: str) -> str:
    """What the names of files of random weights start with."""
    return f"{variant}-random"


def read_source(source: str | Path, checkpoint: str | Path | None, settings: ExportSettings) -> Source:
    """The network that a variant's name, a checkpoint's path or both stand for.

    Raises CheckpointError or SettingsError where they do not fit together or cannot be read.
    """
    variant = str(source) if str(source) in FAMILY else None
    if variant is None and checkpoint is not None:
        raise SettingsError(
            f"{source} is no variant ({', '.join(FAMILY)}), yet --checkpoint was given as well: give one"
        )
    if variant is None and not os.path.lexists(source) and not Path(source).suffix:
        raise SettingsError(
            f"{source} is neither a variant ({', '.join(FAMILY)}) nor an existing checkpoint: check the name"
        )
    path = Path(checkpoint) if checkpoint is not None else None if variant else Path(source)
    if path is None:
        assert variant is not None  # a source without a path is a variant
        return _random(variant, settings)
    loaded = load_checkpoint(path, variant=variant, num_classes=settings.num_classes)
    metadata = FileMetadata(
        variant=loaded.variant,
        labels=_labels(settings, loaded.labels, loaded.num_classes),
        preprocessing=_preprocessing(loaded.preprocessing, settings.input_size),
        checkpoint_sha256=loaded.sha256,
    )
    return Source(loaded.network, metadata, path)


def _random(variant: str, settings: ExportSettings) -> Source:
    classes = _IMAGENET_CLASSES if settings.num_classes is None else settings.num_classes
    metadata = FileMetadata(
        variant=variant,
        labels=_labels(settings, None, classes),
        preprocessing=_preprocessing(None, settings.input_size),
        checkpoint_sha256=None,
    )
    images = torch.from_numpy(metadata.preprocessing.batch(photographs()))
    return Source(random_network(variant, classes, images), metadata, None)


def _preprocessing(own: Preprocessing | None, input_size: int | None) -> Preprocessing:
    if own is None:
        return Preprocessing.imagenet(check_input_size(_IMAGENET_SIZE if input_size is None else input_size))
    if input_size is None or input_size == own.size:
        check_input_size(own.size)
        return own
    size = check_input_size(input_size)
    return replace(own, size=size, resize=round(size * own.resize / own.size))


def _labels(settings: ExportSettings, own: tuple[str, ...] | None, classes: int) -> tuple[str, ...]:
    """From the file, else the checkpoint's own, else the classes' numbers."""
    if settings.labels is None:
        return own or tuple(str(number) for number in range(classes))
    path = Path(settings.labels)
    labels = tuple(line.strip() for line in read_text(path, LABELS).splitlines() if line.strip())
    if len(labels) != classes:
        raise SettingsError(
            f"labels file {path} names {len(labels)} classes, the network has {classes}: give one label a "
            "line for each"
        )
    return labels
