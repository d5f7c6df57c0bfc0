"""What to export: the network, loaded or random, and its metadata."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from micronet_edge.data.assumptions import (
    LABELS,
    assumed_fields,
    assumption_line,
    describe_changes,
    given_preprocessing,
    shapes_in,
    with_settings,
    without_description,
)
from micronet_edge.data.labels import numbered, read_labels, repeated_labels_note
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.errors import CheckpointError, SettingsError
from micronet_edge.models import FAMILY, Checkpoint, check_class_count, load_checkpoint
from micronet_edge.models.factories import Factory
from micronet_edge.models.micronet import INPUT_CHANNELS
from micronet_edge.models.own_networks import Own, as_before, called, described, own_network, prepared, ready
from micronet_edge.models.random_weights import random_network
from micronet_edge.models.wrappings import Weights
from micronet_edge.settings import CheckpointSettings
from micronet_edge.util.text import listed
from micronet_edge.util.user_files import file_sha256

_IMAGENET_CLASSES = 1000

Given = str | Path | Factory | nn.Module
"""A variant's name, a checkpoint's path, a factory (also as text), or the network itself."""


@dataclass(frozen=True, slots=True)
class Source:
    """The network to export and its metadata.

    `checkpoint` is the file of its weights, if there is one. `notes` say what was loaded from it and what the
    settings replace. `called` is the network's name in messages.
    """

    network: nn.Module
    metadata: FileMetadata
    checkpoint: Path | None
    notes: tuple[str, ...] = ()
    called: str = ""

    @property
    def random(self) -> bool:
        """Whether the weights are random."""
        return self.metadata.checkpoint_sha256 is None

    @property
    def stem(self) -> str:
        """The start of the files' names."""
        return stem_of(self.metadata.variant, self.checkpoint, random=self.random)

    @property
    def assumption(self) -> str | None:
        """The assumptions about the network, in one line; None if there are none."""
        return None if self.random else assumption_line(self.metadata, self.called)


def stem_of(variant: str, checkpoint: Path | None, *, random: bool) -> str:
    """The start of the files' names: the name of the file of weights, or of the network."""
    if random:
        return f"{variant}-random"
    return variant if checkpoint is None else checkpoint.stem


def read_source(
    given: Given,
    checkpoint: str | Path | None,
    settings: CheckpointSettings,
    metadata: FileMetadata | None = None,
) -> Source:
    """Loads the network that a variant's name, a checkpoint's path, both, a factory or a module names.

    Given    `metadata` for a module or a factory only
    Raises   CheckpointError or SettingsError if they are inconsistent or cannot be read; NetworkError on a
             user's network that cannot be built or does not fit its metadata.
    """
    if settings.num_classes is not None:
        check_class_count(settings.num_classes)
    own = own_network(given, settings.weights)
    if own is not None and checkpoint is not None:
        raise SettingsError(f"--checkpoint applies to a variant only, not to {called(own)}: leave it out")
    if own is not None:
        return read_own_network(own, settings, metadata)
    assert isinstance(given, str | Path)  # everything else is a user's network
    if metadata is not None:
        raise SettingsError(
            f"metadata is for modules and factories only, not for {given}: give settings instead"
        )
    return _read_checkpoint_or_variant(given, checkpoint, settings)


def read_own_network(own: Own, settings: CheckpointSettings, metadata: FileMetadata | None) -> Source:
    """Reads a user's network: with the given metadata, with those in its weights' file, or with assumptions.

    Raises as `read_source` does.
    """
    built = prepared(own)
    weights = own.weights if isinstance(own, Factory) else None
    notes = [*built.notes]
    if metadata is None and built.stored is not None:
        said = built.stored.metadata
        metadata, settings = with_settings(said, settings), without_description(settings)
        if (changes := describe_changes(said.preprocessing, metadata.preprocessing)) is not None:
            notes.append(f"settings that replace those of {weights}: {changes}")
    found = described(own, built.network, settings, metadata)
    network, metadata = found.network, found.metadata
    if isinstance(own, Factory) and weights is None:
        notes.append(f"{own} sets its own weights, since no --weights FILE was given")
    if (repeated := repeated_labels_note(metadata.labels)) is not None:
        notes.append(repeated)
    return Source(network, metadata, weights, tuple(notes), called(own))


def _read_checkpoint_or_variant(
    source: str | Path, checkpoint: str | Path | None, settings: CheckpointSettings
) -> Source:
    check_micronet_shapes(source, settings)
    variant = str(source) if str(source) in FAMILY else None
    if variant is None and checkpoint is not None:
        raise SettingsError(
            f"--checkpoint applies to a variant only ({', '.join(FAMILY)}), not to {source}: leave it out"
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
                f"--weights {settings.weights}: {variant} has random weights: give --checkpoint FILE"
            )
        return _random(variant, settings)
    return read_checkpoint(path, settings, variant)


def read_checkpoint(path: Path, settings: CheckpointSettings, variant: str | None = None) -> Source:
    """Reads a MicroNet's checkpoint, of that variant if one is given. Raises as `read_source` does."""
    weights = _which(path, settings.weights)
    loaded = load_checkpoint(path, variant=variant, num_classes=settings.num_classes, weights=weights)
    _check_weights(loaded, settings)
    metadata = _metadata(loaded, settings)
    notes = [*loaded.notes]
    if (changes := describe_changes(loaded.preprocessing, metadata.preprocessing)) is not None:
        notes.append(f"settings that replace those of {path}: {changes}")
    if (repeated := repeated_labels_note(metadata.labels)) is not None:
        notes.append(repeated)
    return Source(loaded.network, metadata, path, tuple(notes), str(path))


def check_micronet_shapes(source: str | Path, settings: CheckpointSettings) -> None:
    """Raises SettingsError on shapes, colours and outputs that a MicroNet does not have."""
    shapes, orders = shapes_in(settings), (None, "RGB", "BGR")
    if settings.color_order not in orders or [len(each) for each in shapes] not in ([], [3]):
        raise SettingsError(f"{source} takes one image of three colours: give --input-shape 3,H,W")
    if shapes and shapes[0][0] != INPUT_CHANNELS:
        raise SettingsError(
            f"{source} takes images of 3 channels, not {shapes[0][0]}: give --input-shape 3,H,W"
        )
    if settings.outputs not in {(), ("logits",)}:
        raise SettingsError(f"{source} has no output {listed(settings.outputs)}: choose from logits")


def reread_source(given: Given, metadata: FileMetadata, *, same_network: bool = False) -> Source:
    """Loads the network that a file was made from, with the file's settings.

    Given    a checkpoint, a factory or a module, and the file's metadata
    Result   the network, with the file's own labels and preprocessing
    Raises   CheckpointError if the checkpoint cannot be read or is of another network; with
             `same_network`, also if variant or number of classes differ from the file's; NetworkError on a
             user's network that cannot be built or has another number of classes.
    """
    own = own_network(given)
    if own is not None:
        found = as_before(own, ready(own), metadata)
        weights = own.weights if isinstance(own, Factory) else None
        return Source(found.network, found.metadata, weights, called=called(own))
    path = Path(str(given))
    loaded = reload_checkpoint(path, metadata, same_network=same_network)
    return Source(loaded.network, _as_first_read(loaded, metadata), path, loaded.notes, str(path))


def reload_checkpoint(checkpoint: Path, metadata: FileMetadata, *, same_network: bool = False) -> Checkpoint:
    """Loads a checkpoint; if it is the file's own, the same set of weights as then.

    Raises CheckpointError as load_checkpoint does; with `same_network`, also if variant or number of classes
    differ from the file's.
    """
    # Path.is_file raises on odd names, for which load_checkpoint has a message.
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
    """Which of a checkpoint's two sets to load."""
    sets: dict[object, Weights | None] = {None: None, "ema": "ema", "raw": "raw"}
    if weights in sets:
        return sets[weights]
    raise SettingsError(
        f"--weights {weights}: {path} is a checkpoint with its own weights: give ema or raw; give a file of "
        "weights only with a factory, such as package.module:name"
    )


def _check_weights(loaded: Checkpoint, settings: CheckpointSettings) -> None:
    if settings.weights is not None and settings.weights != (loaded.weights or "raw"):
        held = "only averaged weights (EMA)" if loaded.weights == "ema" else "no averaged weights (EMA)"
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
