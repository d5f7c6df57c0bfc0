"""What to export: the network, read or drawn, and everything its files will say of themselves."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from micronet_edge.data.labels import numbered, read_labels, repeated_labels_note
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.errors import CheckpointError, SettingsError
from micronet_edge.models import FAMILY, Checkpoint, check_class_count, load_checkpoint
from micronet_edge.models.assumptions import (
    LABELS,
    assumed_fields,
    assumption_line,
    describe_changes,
    given_preprocessing,
)
from micronet_edge.models.factories import Factory
from micronet_edge.models.own_networks import Own, as_before, called, described, own_network, ready
from micronet_edge.models.random_weights import random_network
from micronet_edge.models.weight_sets import Weights
from micronet_edge.settings import CheckpointSettings
from micronet_edge.util.user_files import file_sha256

_IMAGENET_CLASSES = 1000

Given = str | Path | Factory | nn.Module
"""A variant's name, a checkpoint's path, a factory (also as text), or the network itself."""


@dataclass(frozen=True, slots=True)
class Source:
    """The network to export and everything its files will say of themselves.

    `checkpoint` is the file that its weights were read from, if they were. `notes` say what was taken out of
    it, and what of it was taken otherwise than it says. `called` is how messages call the network.
    """

    network: nn.Module
    metadata: FileMetadata
    checkpoint: Path | None
    notes: tuple[str, ...] = ()
    called: str = ""

    @property
    def random(self) -> bool:
        """Whether the weights are random, for timing only."""
        return self.metadata.checkpoint_sha256 is None

    @property
    def stem(self) -> str:
        """What the names of the files start with."""
        return stem_of(self.metadata.variant, self.checkpoint, random=self.random)

    @property
    def assumption(self) -> str | None:
        """What nobody says of the network and was assumed, in one line; None for nothing."""
        return None if self.random else assumption_line(self.metadata, self.called)


def stem_of(variant: str, checkpoint: Path | None, *, random: bool) -> str:
    """What the names of a network's files start with: its weights' file, or what it is called."""
    if random:
        return f"{variant}-random"
    return variant if checkpoint is None else checkpoint.stem


def read_source(
    given: Given,
    checkpoint: str | Path | None,
    settings: CheckpointSettings,
    metadata: FileMetadata | None = None,
) -> Source:
    """The network that a variant's name, a checkpoint's path, both, a factory or a module stand for.

    Given    `metadata` for a module or a factory alone, which say nothing of themselves
    Raises   CheckpointError or SettingsError where they do not fit together or cannot be read, NetworkError
             on a network of one's own that cannot be built or is not what its metadata says.
    """
    if settings.num_classes is not None:
        check_class_count(settings.num_classes)
    own = own_network(given, settings.weights)
    if own is not None and checkpoint is not None:
        raise SettingsError(f"{called(own)} is no variant, yet --checkpoint was given as well: give one")
    if own is not None:
        return _read_own(own, settings, metadata)
    assert isinstance(given, str | Path)  # all else is a network of one's own
    if metadata is not None:
        raise SettingsError(f"metadata is for a module of one's own: {given} is none; give settings instead")
    return _read_checkpoint_or_variant(given, checkpoint, settings)


def _read_own(own: Own, settings: CheckpointSettings, metadata: FileMetadata | None) -> Source:
    network = ready(own)
    metadata = described(own, network, settings, metadata)
    weights = own.weights if isinstance(own, Factory) else None
    notes = []
    if isinstance(own, Factory) and weights is None:
        notes.append(f"{own} brings its own weights: no --weights FILE was given")
    if (repeated := repeated_labels_note(metadata.labels)) is not None:
        notes.append(repeated)
    return Source(network, metadata, weights, tuple(notes), called(own))


def _read_checkpoint_or_variant(
    source: str | Path, checkpoint: str | Path | None, settings: CheckpointSettings
) -> Source:
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
        if settings.weights is not None:
            raise SettingsError(
                f"--weights {settings.weights}: {variant} has random ones: give --checkpoint FILE"
            )
        return _random(variant, settings)
    weights = _which(path, settings.weights)
    loaded = load_checkpoint(path, variant=variant, num_classes=settings.num_classes, weights=weights)
    _check_weights(loaded, settings)
    metadata = _metadata(loaded, settings)
    notes = [*loaded.notes]
    if (changes := describe_changes(loaded.preprocessing, metadata.preprocessing)) is not None:
        notes.append(f"not as {path} says: {changes}")
    if (repeated := repeated_labels_note(metadata.labels)) is not None:
        notes.append(repeated)
    return Source(loaded.network, metadata, path, tuple(notes), str(path))


def reread_source(given: Given, metadata: FileMetadata, *, same_network: bool = False) -> Source:
    """The network that a file was made from, read as it was read then.

    Given    a checkpoint, a factory or a module, and what the file says of itself
    Result   the file's own labels and preprocessing, whatever the checkpoint leaves open
    Raises   CheckpointError where the checkpoint cannot be read, or is of another network, with
             `same_network` also on another variant or number of classes than the file's; NetworkError on a
             network of one's own that cannot be built or has another number of classes.
    """
    own = own_network(given)
    if own is not None:
        network = ready(own)
        weights = own.weights if isinstance(own, Factory) else None
        return Source(network, as_before(own, network, metadata), weights, called=called(own))
    path = Path(str(given))
    loaded = reload_checkpoint(path, metadata, same_network=same_network)
    return Source(loaded.network, _as_first_read(loaded, metadata), path, loaded.notes, str(path))


def reload_checkpoint(checkpoint: Path, metadata: FileMetadata, *, same_network: bool = False) -> Checkpoint:
    """A checkpoint with the same weights as a file says it was made from, where it is the same file.

    Raises CheckpointError as load_checkpoint does; and, where it must be of the `same_network`, on another
    variant or number of classes than the file's.
    """
    # Path.is_file raises on odd names, which load_checkpoint has a line for.
    same = os.path.isfile(checkpoint) and file_sha256(checkpoint) == metadata.checkpoint_sha256  # noqa: PTH113
    return load_checkpoint(
        checkpoint,
        variant=metadata.variant if same_network else None,
        num_classes=len(metadata.labels) if same_network else None,
        weights=metadata.weights if same else None,
    )


def _as_first_read(loaded: Checkpoint, metadata: FileMetadata) -> FileMetadata:
    return FileMetadata(
        variant=loaded.variant,
        labels=metadata.labels,
        preprocessing=metadata.preprocessing,
        checkpoint_sha256=loaded.sha256,
        assumed=metadata.assumed,
        weights=loaded.weights,
    )


def _metadata(loaded: Checkpoint, settings: CheckpointSettings) -> FileMetadata:
    labels, known = loaded.labels, loaded.labels is not None
    if settings.labels is not None:
        labels, known = read_labels(Path(settings.labels), loaded.num_classes), True
    return FileMetadata(
        variant=loaded.variant,
        labels=labels or numbered(loaded.num_classes),
        preprocessing=given_preprocessing(loaded.preprocessing, settings),
        checkpoint_sha256=loaded.sha256,
        assumed=(*assumed_fields(loaded.preprocessing, settings), *(() if known else (LABELS,))),
        weights=loaded.weights,
    )


def _which(path: Path, weights: Path | str | None) -> Weights | None:
    """Which of a checkpoint's two sets is meant."""
    sets: dict[object, Weights | None] = {None: None, "ema": "ema", "raw": "raw"}
    if weights in sets:
        return sets[weights]
    raise SettingsError(
        f"--weights {weights}: {path} is a checkpoint and holds its own: give ema or raw; a file of weights "
        "goes with a factory, such as package.module:name, that builds the network"
    )


def _check_weights(loaded: Checkpoint, settings: CheckpointSettings) -> None:
    if settings.weights is not None and settings.weights != (loaded.weights or "raw"):
        held = "averaged ones alone (EMA)" if loaded.weights == "ema" else "no averaged ones (EMA)"
        raise CheckpointError(
            f"--weights {settings.weights}: {loaded.path} holds {held}: leave --weights out"
        )


def _random(variant: str, settings: CheckpointSettings) -> Source:
    classes = _IMAGENET_CLASSES if settings.num_classes is None else settings.num_classes
    known = settings.labels is not None
    metadata = FileMetadata(
        variant=variant,
        labels=numbered(classes) if settings.labels is None else read_labels(Path(settings.labels), classes),
        preprocessing=given_preprocessing(None, settings),
        checkpoint_sha256=None,
        assumed=(*assumed_fields(None, settings), *(() if known else (LABELS,))),
    )
    images = torch.from_numpy(metadata.preprocessing.batch(photographs()))
    return Source(random_network(variant, classes, images), metadata, None, called=variant)
