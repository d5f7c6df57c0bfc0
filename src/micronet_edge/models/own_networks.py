"""User networks, any `nn.Module`: prepared, checked and described by metadata."""

import copy
import hashlib
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path

from torch import nn

from micronet_edge.data.assumptions import LABELS, assumed_fields, given_preprocessing
from micronet_edge.data.labels import numbered, read_labels
from micronet_edge.data.metadata import UNHASHED, FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Samples, Signature
from micronet_edge.errors import NetworkError, SettingsError
from micronet_edge.models.compiled import check_no_script, inside_compiled, uncompiled
from micronet_edge.models.factories import Built, Factory, build_described, factory_named
from micronet_edge.models.network_interface import (
    Inputs,
    Interface,
    check_one_input,
    find_interface,
    inputs_of,
)
from micronet_edge.models.own_weights import check_weights
from micronet_edge.settings import CheckpointSettings
from micronet_edge.util.text import listed, plural

Own = Factory | nn.Module

_SETS = ("ema", "raw")


@dataclass(frozen=True, slots=True)
class Described:
    """A user's network as it is exported, and its metadata."""

    network: nn.Module
    metadata: FileMetadata


def own_network(given: object, weights: Path | str | None = None) -> Own | None:
    """The given module or factory, also from text; None for a variant, a checkpoint or a file.

    Raises SettingsError on weights that are not a file.
    """
    if isinstance(given, type) and issubclass(given, nn.Module):
        raise SettingsError(f"{given.__name__} is a class: give a network, {given.__name__}(...)")
    if isinstance(given, nn.Module):
        found: Own | None = inside_compiled(given)
    elif isinstance(given, Factory):
        found = given
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

    Raises NetworkError on a network that cannot be built or copied, is TorchScript, or whose weights are not
    there, in finite float32.
    """
    if isinstance(own, Factory):
        built = build_described(own)
    else:
        try:
            built = Built(copy.deepcopy(inside_compiled(own)))
        except Exception as error:  # user code can raise anything
            raise NetworkError(f"{called(own)} cannot be copied ({error}): give a plain module") from error
    network = uncompiled(built.network)
    check_no_script(called(own), network)
    check_weights(called(own), network)
    return replace(built, network=network.cpu().eval())


def described(
    own: Own, network: nn.Module, settings: CheckpointSettings, metadata: FileMetadata | None
) -> Described:
    """The network as it is exported, with its metadata: as given, or from the settings and assumptions.

    Raises SettingsError if metadata and settings overlap, and on a name that a file cannot have;
    NetworkError if the network fails, or a classifier does not output one logit per label.
    """
    if metadata is None:
        return _described(own, network, settings)
    if said := _said(settings):
        raise SettingsError(f"the metadata sets {', '.join(said)}: leave these settings out")
    if not re.fullmatch(r"[^./\\\0][^/\\\0]*", metadata.variant):
        raise SettingsError(f"metadata with the name {metadata.variant!r}: give a valid file name")
    if metadata.checkpoint_sha256 == UNHASHED:
        metadata = replace(metadata, checkpoint_sha256=state_sha256(network))
    if metadata.signature is not None:
        return as_before(own, network, metadata)
    found = _found(own, network, metadata.preprocessing, settings)
    if not _is_classifier(found, metadata.preprocessing) or (not metadata.labels and _is_one_number(found)):
        return Described(found.network, replace(metadata, signature=found.signature))
    _check_classes(called(own), found.signature, metadata)
    return Described(found.network, replace(metadata, signature=_signature(found)))


def as_before(own: Own, network: nn.Module, metadata: FileMetadata) -> Described:
    """The network with a file's interface, and the file's metadata with the hash of the given network.

    Raises NetworkError if the number of classes or an output differs.
    """
    name, now = called(own), replace(metadata, checkpoint_sha256=state_sha256(network))
    if metadata.signature is None:
        image = _image(network, metadata.preprocessing)
        found = find_interface(name, network, image, (), _example(metadata.preprocessing))
        _check_classes(name, found.signature, metadata)
        return Described(network, now)
    inputs, outputs = metadata.signature.inputs, metadata.signature.outputs
    example = _example(metadata.preprocessing) if metadata.takes_images else None
    given = inputs_of(name, network, {spec.name: spec.shape for spec in inputs})
    found = find_interface(name, network, given, [spec.name for spec in outputs], example)
    if found.signature != metadata.signature:
        ends = [*metadata.signature.inputs, *metadata.signature.outputs]
        theirs = [each for each in (*found.signature.inputs, *found.signature.outputs) if each not in ends]
        raise NetworkError(f"{name} has {listed(theirs)}, the metadata {listed(ends)}: give the same network")
    return Described(found.network, now)


def _described(own: Own, network: nn.Module, settings: CheckpointSettings) -> Described:
    """The network and its metadata, from the settings and assumptions."""
    preprocessing = given_preprocessing(None, settings)
    found = _found(own, network, preprocessing, settings)
    metadata = FileMetadata(
        variant=own.name if isinstance(own, Factory) else type(own).__name__.lower(),
        labels=(),
        preprocessing=preprocessing,
        checkpoint_sha256=state_sha256(network),
        assumed=assumed_fields(None, settings),
        signature=found.signature,
    )
    said = settings.num_classes is not None or settings.labels is not None
    if _is_classifier(found, preprocessing) and (said or not _is_one_number(found)):
        return Described(found.network, _with_labels(own, metadata, found, settings))
    if settings.num_classes is not None:
        raise SettingsError(f"--num-classes: {called(own)} is no image classifier: leave it out")
    if settings.labels is not None:
        metadata = replace(metadata, labels=read_labels(Path(settings.labels)))
    return Described(found.network, metadata)


def _with_labels(
    own: Own, metadata: FileMetadata, found: Interface, settings: CheckpointSettings
) -> FileMetadata:
    """The metadata of a classifier, with a label for each class."""
    ((classes,),) = (output.shape for output in found.signature.outputs)
    if settings.num_classes not in {None, classes}:
        words = plural(classes, "class", "classes")
        raise NetworkError(
            f"{called(own)} outputs {words}, not {settings.num_classes}: leave --num-classes out"
        )
    known = settings.labels is not None
    return replace(
        metadata,
        labels=numbered(classes) if settings.labels is None else read_labels(Path(settings.labels), classes),
        assumed=(*metadata.assumed, *(() if known else (LABELS,))),
        signature=_signature(found),
    )


def _found(
    own: Own, network: nn.Module, preprocessing: Preprocessing, settings: CheckpointSettings
) -> Interface:
    """The interface of the network: with the inputs of the settings, or with an image."""
    name, shapes = called(own), settings.input_shapes
    if not shapes:
        check_one_input(name, network)
        given = _image(network, preprocessing)
    else:
        given = inputs_of(name, network, shapes)
    images = [spec.shape for spec in given.specs] == [preprocessing.shape]
    return find_interface(name, network, given, settings.outputs, _example(preprocessing) if images else None)


def _image(network: nn.Module, preprocessing: Preprocessing) -> Inputs:
    return replace(inputs_of(type(network).__name__, network, (preprocessing.shape,)), given=False)


def _example(preprocessing: Preprocessing) -> Samples:
    return (preprocessing.batch(photographs()[:1]),)


def _is_classifier(found: Interface, preprocessing: Preprocessing) -> bool:
    """Whether it answers an image with one row of logits."""
    inputs, outputs = found.signature.inputs, found.signature.outputs
    return [each.shape for each in inputs] == [preprocessing.shape] and [len(o.shape) for o in outputs] == [1]


def _is_one_number(found: Interface) -> bool:
    """Whether it gives one number, such as an age or a score: no class, unless someone calls it one."""
    return found.signature.outputs[0].shape == (1,)


def _signature(found: Interface) -> Signature | None:
    """The signature of a classifier in its metadata: None if the network itself is one, as most are."""
    return None if found.plain else found.signature


def classes_of(name: str, network: nn.Module, preprocessing: Preprocessing) -> int:
    """The number of logits that the network outputs for an image.

    Raises NetworkError if it fails, or outputs anything else.
    """
    found = find_interface(name, network, _image(network, preprocessing), (), _example(preprocessing))
    if not (found.plain and _is_classifier(found, preprocessing)):
        outputs = listed(found.signature.outputs)
        raise NetworkError(
            f"{name} outputs {outputs} for an image, not logits [1, classes]: give a classifier"
        )
    return found.signature.outputs[0].shape[0]


def state_sha256(network: nn.Module) -> str:
    """A hash of all weights by name, independent of the file."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _check_classes(name: str, signature: Signature, metadata: FileMetadata) -> None:
    if [len(output.shape) for output in signature.outputs] != [1]:
        outputs = listed(signature.outputs)
        raise NetworkError(
            f"{name} outputs {outputs} for an image, not logits [1, classes]: give a classifier"
        )
    ((classes,),) = (output.shape for output in signature.outputs)
    if classes != len(metadata.labels):
        raise NetworkError(
            f"{name} outputs {plural(classes, 'class', 'classes')}, the metadata has "
            f"{plural(len(metadata.labels), 'label')}: give one label per class"
        )


def _said(settings: CheckpointSettings) -> list[str]:
    """The names of the settings that metadata sets as well and that are set."""
    other = {"weights", "input_shapes", "outputs"}
    own = [each.name for each in fields(CheckpointSettings) if each.name not in other]
    return [name for name in own if getattr(settings, name) is not None]
