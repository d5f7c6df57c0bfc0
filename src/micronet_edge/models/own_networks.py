"""Networks of one's own, any `nn.Module`: made ready, checked, and described by metadata beside them."""

import copy
import hashlib
import re
from dataclasses import fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from micronet_edge.data.labels import numbered, read_labels
from micronet_edge.data.metadata import UNHASHED, FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import NetworkError, SettingsError
from micronet_edge.models.assumptions import LABELS, assumed_fields, given_preprocessing
from micronet_edge.models.factories import Factory, build, factory_named
from micronet_edge.settings import CheckpointSettings
from micronet_edge.util.text import plural
from micronet_edge.util.threads import one_thread

Own = Factory | nn.Module

_SETS = ("ema", "raw")
_LOGITS = 2  # images, classes


def own_network(given: object, weights: Path | str | None = None) -> Own | None:
    """The module or factory that is given, also as text; None for a variant, a checkpoint or a file.

    Raises SettingsError on weights that are no file.
    """
    if isinstance(given, nn.Module | Factory):
        found: Own | None = given
    else:
        found = factory_named(given, None if weights is None else Path(weights))
    if found is not None and weights is not None and str(weights) in _SETS:
        raise SettingsError(f"--weights {weights}: {called(found)} is no checkpoint: give a file of weights")
    if isinstance(found, nn.Module) and weights is not None:
        raise SettingsError(f"weights {weights}: load them into the {called(found)} before you give it")
    return found


def with_weights(given: Path | str, weights: Path | None) -> Path | Factory:
    """The factory that the text names, with its weights; or the checkpoint's path.

    Raises SettingsError on weights for a checkpoint, which holds its own.
    """
    found = factory_named(given, weights)
    if found is None and weights is not None:
        raise SettingsError(
            f"--weights {weights}: {given} holds its own weights; a file of weights goes with a factory, "
            "such as package.module:name, that builds the network"
        )
    return Path(given) if found is None else found


def called(own: Own) -> str:
    """What messages call the network."""
    return str(own) if isinstance(own, Factory) else type(own).__name__


def ready(own: Own) -> nn.Module:
    """The network in inference form on the CPU; a module that is given stays as it is.

    Raises NetworkError on what cannot be built or copied, or computes in other numbers than float32.
    """
    if isinstance(own, Factory):
        network = build(own)
    else:
        try:
            network = copy.deepcopy(own)
        except Exception as error:  # a person's module fails in any way
            raise NetworkError(f"{called(own)} cannot be copied ({error}): give a plain module") from error
    for name, tensor in network.state_dict().items():
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise NetworkError(f"{called(own)}: {name} is {tensor.dtype}: give the network as .float()")
    return network.cpu().eval()


def described(
    own: Own, network: nn.Module, settings: CheckpointSettings, metadata: FileMetadata | None
) -> FileMetadata:
    """What the network's files say of it: what is given, or what the settings say and else is assumed.

    Raises SettingsError on metadata beside settings that say the same, and on a name that no file can have;
    NetworkError where the network does not give a logit for each label.
    """
    if metadata is None:
        preprocessing = given_preprocessing(None, settings)
        classes = classes_of(called(own), network, preprocessing)
        if settings.num_classes not in {None, classes}:
            found = plural(classes, "class", "classes")
            raise NetworkError(
                f"{called(own)} gives {found}, not {settings.num_classes}: leave --num-classes out"
            )
        known = settings.labels is not None
        return FileMetadata(
            variant=own.name if isinstance(own, Factory) else type(own).__name__.lower(),
            labels=numbered(classes)
            if settings.labels is None
            else read_labels(Path(settings.labels), classes),
            preprocessing=preprocessing,
            checkpoint_sha256=state_sha256(network),
            assumed=(*assumed_fields(None, settings), *(() if known else (LABELS,))),
        )
    if said := _said(settings):
        raise SettingsError(f"the metadata says {', '.join(said)}: leave the settings for it out")
    if not re.fullmatch(r"[^./\\\0][^/\\\0]*", metadata.variant):
        raise SettingsError(f"metadata with the name {metadata.variant!r}: give one that files can have")
    _check_classes(called(own), network, metadata)
    if metadata.checkpoint_sha256 == UNHASHED:
        return replace(metadata, checkpoint_sha256=state_sha256(network))
    return metadata


def as_before(own: Own, network: nn.Module, metadata: FileMetadata) -> FileMetadata:
    """What a file says of a network, with the hash of the network that is given now.

    Raises NetworkError where it gives other classes.
    """
    _check_classes(called(own), network, metadata)
    return replace(metadata, checkpoint_sha256=state_sha256(network))


def answer(name: str, network: nn.Module, preprocessing: Preprocessing) -> object:
    """What the network gives for one photograph.

    Raises NetworkError where it cannot take it.
    """
    image = torch.from_numpy(preprocessing.batch(photographs()[:1]))
    try:
        with torch.no_grad(), one_thread():
            return network(image)
    except Exception as error:  # a person's module fails in any way
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NetworkError(f"{name} cannot take an image {list(image.shape)}: {reason}") from error


def classes_of(name: str, network: nn.Module, preprocessing: Preprocessing) -> int:
    """How many logits the network gives for an image.

    Raises NetworkError where it cannot take one, or gives anything else.
    """
    logits = answer(name, network, preprocessing)
    if not isinstance(logits, Tensor) or logits.ndim != _LOGITS or len(logits) != 1:
        found = list(logits.shape) if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise NetworkError(f"{name} gives {found} for an image, not logits [1, classes]: give a classifier")
    return logits.shape[1]


def state_sha256(network: nn.Module) -> str:
    """A hash of all weights by name, whatever file they came from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _check_classes(name: str, network: nn.Module, metadata: FileMetadata) -> None:
    classes = classes_of(name, network, metadata.preprocessing)
    if classes != len(metadata.labels):
        raise NetworkError(
            f"{name} gives {plural(classes, 'class', 'classes')}, the metadata has "
            f"{plural(len(metadata.labels), 'label')}: give one label for each"
        )


def _said(settings: CheckpointSettings) -> list[str]:
    """What of a network the settings say, by their own names."""
    own = [each.name for each in fields(CheckpointSettings) if each.name != "weights"]
    return [name for name in own if getattr(settings, name) is not None]
