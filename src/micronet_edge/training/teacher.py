"""The network to distil from: any classifier with the same classes."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge.models.factories import Factory
from micronet_edge.models.family import FAMILY
from micronet_edge.models.own_networks import called, classes_of, own_network, ready, state_sha256
from micronet_edge.models.source import read_source
from micronet_edge.settings import CheckpointSettings
from micronet_edge.util.text import plural
from micronet_edge.util.user_files import CHECKPOINT, check_file


@dataclass(frozen=True, slots=True)
class Teacher:
    """A teacher in inference mode, for images that are normalized as the student's.

    Attributes:
        network: answers images with logits [n, classes].
        name: in messages.
        sha256: hash of its weights.
    """

    network: nn.Module
    name: str
    sha256: str


def check_teacher(given: object) -> None:
    """Raises SettingsError or CheckpointError on what cannot be a teacher; opens no network."""
    if given is None or own_network(given) is not None:
        return
    if str(given) in FAMILY:
        raise SettingsError(f"--teacher {given} has random weights: give the path of a checkpoint")
    if not isinstance(given, str | Path):
        raise SettingsError(f"a teacher is a path, a factory or a network, not a {type(given).__name__}")
    check_file(Path(given), CHECKPOINT)


def read_teacher(given: object, labels: tuple[str, ...], preprocessing: Preprocessing) -> Teacher | None:
    """The teacher that a checkpoint's path, a factory or a module names; None for None.

    Raises:
        SettingsError: a teacher of other classes, or of random weights.
        CheckpointError: a checkpoint that cannot be read.
        NetworkError: a factory or module that cannot be used.
    """
    check_teacher(given)
    own = own_network(given)
    if own is not None:
        return _own(own, labels, preprocessing)
    if not isinstance(given, str | Path):  # None
        return None
    source = read_source(given, None, CheckpointSettings())
    metadata = source.metadata
    _check_classes(str(given), len(metadata.labels), labels)
    if not metadata.labels_assumed and metadata.labels != labels:
        place = next(index for index, label in enumerate(labels) if metadata.labels[index] != label)
        raise SettingsError(
            f"--teacher {given}: its class {place} is {metadata.labels[place]!r}, that of the images "
            f"{labels[place]!r}: give a teacher of the same classes in the same order"
        )
    network = Renormalized(source.network, preprocessing, metadata.preprocessing)
    return _frozen(network, str(given))


def _own(own: Factory | nn.Module, labels: tuple[str, ...], preprocessing: Preprocessing) -> Teacher:
    network = ready(own)
    _check_classes(called(own), classes_of(called(own), network, preprocessing), labels)
    return _frozen(network, called(own))


def _frozen(network: nn.Module, name: str) -> Teacher:
    network.eval().requires_grad_(requires_grad=False)
    return Teacher(network, name, state_sha256(network))


def _check_classes(name: str, classes: int, labels: tuple[str, ...]) -> None:
    if classes != len(labels):
        raise SettingsError(
            f"--teacher {name} has {plural(classes, 'class', 'classes')}, the images have {len(labels)}: "
            "give a teacher of the same classes"
        )


class Renormalized(nn.Module):
    """A network that takes images as another preprocessing normalizes them.

    Given    x [n, 3, size, size], normalized as `given`
    Result   the network's output for the same pixels, normalized as `wanted`
    """

    def __init__(self, network: nn.Module, given: Preprocessing, wanted: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.flips = given.color_order != wanted.color_order
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (wanted.mean, wanted.std))
        own_mean, own_std = (torch.tensor(each).view(3, 1, 1) for each in (given.mean, given.std))
        if self.flips:
            own_mean, own_std = own_mean.flip(0), own_std.flip(0)
        self.same = torch.equal(mean, own_mean) and torch.equal(std, own_std)
        self.register_buffer("scale", own_std / std, persistent=False)
        self.register_buffer("offset", (own_mean - mean) / std, persistent=False)
        self.scale: Tensor
        self.offset: Tensor

    def forward(self, x: Tensor) -> Tensor:
        if self.flips:
            x = x.flip(1)
        logits: Tensor = self.network(x if self.same else x * self.scale + self.offset)
        return logits
