"""The network to train: random, or from a checkpoint with a head for the classes of the images."""

from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

import torch

from micronet_edge.data.assumptions import given_preprocessing
from micronet_edge.data.preprocessing import Preprocessing, resize_for_crop
from micronet_edge.errors import SettingsError
from micronet_edge.models import Checkpoint, MicroNet, load_checkpoint
from micronet_edge.models.family import FAMILY
from micronet_edge.settings import CheckpointSettings, TrainSettings
from micronet_edge.training.recipe import Recipe
from micronet_edge.training.seeds import seed_of
from micronet_edge.util.text import listed, plural

HEAD = "classifier.logits."
"""Start of the names of the last layer's tensors, which depend on the classes."""

_DEFAULT_VARIANT = "m0"


@dataclass(frozen=True, slots=True)
class Start:
    """Where training starts.

    Attributes:
        network: on the CPU, with one logit per label.
        preprocessing: of its images.
        new_head: whether its last layer is random while the others are trained.
        origin: hash of the checkpoint; "random" without one.
        notes: what was loaded and replaced, one line each.
    """

    network: MicroNet
    preprocessing: Preprocessing
    new_head: bool
    origin: str
    notes: tuple[str, ...] = ()


def read_start(settings: TrainSettings) -> Checkpoint | None:
    """The checkpoint to start from, if there is one.

    Raises:
        CheckpointError: the checkpoint cannot be read, or is of another variant.
        SettingsError: `keep_head` without a checkpoint, or an unknown variant.
    """
    if settings.start is not None:
        return load_checkpoint(settings.start, variant=settings.variant)
    if settings.keep_head:
        raise SettingsError("--keep-head keeps the head of a checkpoint: give --from CHECKPOINT as well")
    if settings.variant is not None and settings.variant not in FAMILY:
        raise SettingsError(f"unknown variant {settings.variant!r}: choose one of {', '.join(FAMILY)}")
    return None


def variant_of(settings: TrainSettings, checkpoint: Checkpoint | None) -> str:
    """The variant to train: the checkpoint's, the user's, or m0."""
    return (settings.variant or _DEFAULT_VARIANT) if checkpoint is None else checkpoint.variant


def preprocessing_for(
    checkpoint: Checkpoint | None, recipe: Recipe, settings: TrainSettings
) -> Preprocessing:
    """How images are prepared: as the checkpoint states, else as the recipe does; at the user's size.

    The recipe is that with the user's settings.
    """
    own = None if checkpoint is None else checkpoint.preprocessing
    if own is None:
        return Preprocessing(size=recipe.input_size, resize=resize_for_crop(recipe.input_size, recipe.crop))
    return given_preprocessing(own, CheckpointSettings(input_size=settings.input_size))


def starting_network(
    checkpoint: Checkpoint | None, labels: tuple[str, ...], recipe: Recipe, settings: TrainSettings
) -> Start:
    """The network with one logit per label, from the seed, and the checkpoint's weights where they fit.

    Raises SettingsError if `keep_head` is set and the checkpoint's labels are not those of the images.
    """
    variant = variant_of(settings, checkpoint)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("weights", settings.seed))
        network = MicroNet(variant, len(labels))
    if recipe.dropout is not None:
        dropout = network.classifier.get_submodule("dropout")
        assert isinstance(dropout, torch.nn.Dropout)
        dropout.p = recipe.dropout
    preprocessing = preprocessing_for(checkpoint, recipe, settings)
    if checkpoint is None:
        return Start(network, preprocessing, new_head=False, origin="random")
    kept, note = _keeps_head(checkpoint, labels, keep=settings.keep_head)
    _load(network, checkpoint.network, head=kept)
    notes = (*checkpoint.notes, note)
    return Start(network, preprocessing, new_head=not kept, origin=checkpoint.sha256, notes=notes)


def _load(network: MicroNet, trained: MicroNet, *, head: bool) -> None:
    weights = {
        name: value for name, value in trained.state_dict().items() if head or not name.startswith(HEAD)
    }
    network.load_state_dict({**network.state_dict(), **weights})


def _keeps_head(checkpoint: Checkpoint, labels: tuple[str, ...], *, keep: bool) -> tuple[bool, str]:
    """Whether the head stays, and a line that says so."""
    path, own = checkpoint.path, checkpoint.labels
    if own is not None and _plain(own) == _plain(labels):
        return True, f"{path}: its head stays, since the {plural(len(labels), 'label')} are the same"
    if keep and own is None and checkpoint.num_classes == len(labels):
        return True, (
            f"{path} has no labels: its head stays, and its classes are taken in the order of the images' "
            f"labels ({listed(labels)})"
        )
    if keep:
        raise SettingsError(f"--keep-head: {_difference(path, checkpoint, labels)}: leave --keep-head out")
    found = plural(checkpoint.num_classes, "class", "classes")
    return False, (
        f"{path}: its head of {found} is replaced by a random one of {len(labels)}; all other layers keep "
        "their weights"
    )


def _difference(path: Path, checkpoint: Checkpoint, labels: tuple[str, ...]) -> str:
    own = checkpoint.labels
    if own is None or len(own) != len(labels):
        found = plural(checkpoint.num_classes, "class", "classes")
        return f"{path} has {found}, the images have {len(labels)}"
    place = next(
        index
        for index, pair in enumerate(zip(_plain(own), _plain(labels), strict=True))
        if len(set(pair)) > 1
    )
    return f"class {place} is {own[place]!r} in {path}, {labels[place]!r} in the images"


def _plain(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels with accents in one form, since file systems have two."""
    return tuple(normalize("NFC", label) for label in labels)
