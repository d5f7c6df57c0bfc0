"""User networks, any `nn.Module`: prepared, checked and described by metadata."""

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
from micronet_edge.models.factories import Built, Factory, build_described, factory_named
from micronet_edge.settings import CheckpointSettings
from micronet_edge.util.text import plural
from micronet_edge.util.threads import one_thread

Own = Factory | nn.Module

_SETS = ("ema", "raw")
_LOGITS = 2  # images, classes


def own_network(given: object, weights: Path | str | None = None) -> Own | None:
    """The given module or factory, also from text; None for a variant, a checkpoint or a file.

    Raises SettingsError on weights that are not a file.
    """
    if isinstance(given, type) and issubclass(given, nn.Module):
        raise SettingsError(f"{given.__name__} is a class: give a network, {given.__name__}(...)")
    if isinstance(given, nn.Module | Factory):
        found: Own | None = given
    else:
        found = factory_named(given, None if weights is None else Path(weights))
    if found is not None and weights is not None and str(weights) in _SETS:
        raise SettingsError(
            f"--weights {weights}: {called(found)} is not a checkpoint: give a file of weights"
        )
    if isinstance(found, nn.Module) and weights is not None:
        raise SettingsError(f"weights {weights}: load them into the {called(found)} before you give it")
    return found


def with_weights(given: Path | str, weights: Path | None) -> Path | Factory:
    """The factory that the text names, with its weights; or the checkpoint's path.

    Raises SettingsError on weights for a checkpoint, which contains its own.
    """
    found = factory_named(given, weights)
    if found is None and weights is not None:
        raise SettingsError(
            f"--weights {weights}: {given} contains its own weights; give --weights FILE only with a "
            "factory, such as package.module:name"
        )
    return Path(given) if found is None else found


def called(own: Own) -> str:
    """The network's name in messages."""
    return str(own) if isinstance(own, Factory) else type(own).__name__


def ready(own: Own) -> nn.Module:
    """The network as `prepared` gives it, which Raises likewise."""
    return prepared(own).network


def prepared(own: Own) -> Built:
    """The network in inference mode on the CPU; a given module stays unchanged.

    Raises NetworkError on a network that cannot be built or copied, or is not in finite float32.
    """
    if isinstance(own, Factory):
        built = build_described(own)
    else:
        try:
            built = Built(copy.deepcopy(own))
        except Exception as error:  # user code can raise anything
            raise NetworkError(f"{called(own)} cannot be copied ({error}): give a plain module") from error
    network = built.network
    for name, tensor in network.state_dict().items():
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            continue
        if tensor.dtype != torch.float32:
            raise NetworkError(f"{called(own)}: {name} is {tensor.dtype}: give the network as .float()")
        if not tensor.isfinite().all():
            raise NetworkError(f"{called(own)}: {name} contains NaN or infinity: train it again")
    return replace(built, network=network.cpu().eval())


def described(
    own: Own, network: nn.Module, settings: CheckpointSettings, metadata: FileMetadata | None
) -> FileMetadata:
    """The metadata of the network: as given, or from the settings and assumptions.

    Raises SettingsError if metadata and settings overlap, and on a name that a file cannot have;
    NetworkError if the network does not output one logit per label.
    """
    if metadata is None:
        preprocessing = given_preprocessing(None, settings)
        classes = classes_of(called(own), network, preprocessing)
        if settings.num_classes not in {None, classes}:
            found = plural(classes, "class", "classes")
            raise NetworkError(
                f"{called(own)} outputs {found}, not {settings.num_classes}: leave --num-classes out"
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
        raise SettingsError(f"the metadata sets {', '.join(said)}: leave these settings out")
    if not re.fullmatch(r"[^./\\\0][^/\\\0]*", metadata.variant):
        raise SettingsError(f"metadata with the name {metadata.variant!r}: give a valid file name")
    _check_classes(called(own), network, metadata)
    if metadata.checkpoint_sha256 == UNHASHED:
        return replace(metadata, checkpoint_sha256=state_sha256(network))
    return metadata


def as_before(own: Own, network: nn.Module, metadata: FileMetadata) -> FileMetadata:
    """A file's metadata, with the hash of the given network.

    Raises NetworkError if the number of classes differs.
    """
    _check_classes(called(own), network, metadata)
    return replace(metadata, checkpoint_sha256=state_sha256(network))


def answer(name: str, network: nn.Module, preprocessing: Preprocessing) -> object:
    """The network's output for one photograph.

    Raises NetworkError if the network fails on it.
    """
    image = torch.from_numpy(preprocessing.batch(photographs()[:1]))
    try:
        with torch.no_grad(), one_thread():
            return network(image)
    except Exception as error:  # user code can raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NetworkError(f"{name} cannot take an image {list(image.shape)}: {reason}") from error


def classes_of(name: str, network: nn.Module, preprocessing: Preprocessing) -> int:
    """The number of logits that the network outputs for an image.

    Raises NetworkError if it fails, or outputs anything else.
    """
    logits = answer(name, network, preprocessing)
    if not isinstance(logits, Tensor) or logits.ndim != _LOGITS or len(logits) != 1:
        found = list(logits.shape) if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise NetworkError(f"{name} outputs {found} for an image, not logits [1, classes]: give a classifier")
    return logits.shape[1]


def state_sha256(network: nn.Module) -> str:
    """A hash of all weights by name, independent of the file."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _check_classes(name: str, network: nn.Module, metadata: FileMetadata) -> None:
    classes = classes_of(name, network, metadata.preprocessing)
    if classes != len(metadata.labels):
        raise NetworkError(
            f"{name} outputs {plural(classes, 'class', 'classes')}, the metadata has "
            f"{plural(len(metadata.labels), 'label')}: give one label per class"
        )


def _said(settings: CheckpointSettings) -> list[str]:
    """The names of the settings that describe a network and are set."""
    own = [each.name for each in fields(CheckpointSettings) if each.name != "weights"]
    return [name for name in own if getattr(settings, name) is not None]
