"""Saves any network with its metadata as safetensors, and loads it again without running code of the file."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from micronet_edge.data.metadata import UNHASHED, FileMetadata
from micronet_edge.errors import CheckpointError, NetworkError, SettingsError
from micronet_edge.models.checkpoint_files import read_file
from micronet_edge.models.checkpoints import fits_its_variant, save_checkpoint
from micronet_edge.models.factories import Factory, build_with
from micronet_edge.models.fitting_weights import fitting_weights
from micronet_edge.models.micronet import MicroNet
from micronet_edge.models.own_checkpoints import Argument, OwnCheckpoint, check_call, how_to_open, read_own
from micronet_edge.models.own_networks import prepared, state_sha256
from micronet_edge.models.source import read_checkpoint, read_own_network
from micronet_edge.settings import CheckpointSettings
from micronet_edge.util.output_files import write_bytes

GivenFactory = str | Callable[..., nn.Module]
"""package.module:name or file.py:name, or the function itself."""


def save(
    network: nn.Module,
    path: Path | str,
    metadata: FileMetadata,
    *,
    factory: GivenFactory | None = None,
    arguments: Mapping[str, Argument] | None = None,
) -> None:
    """Writes a network's weights and metadata as safetensors, whole or not at all.

    Without a factory, a MicroNet becomes a checkpoint that every command takes by its path; another network
    becomes a file that opens with --weights beside any function that builds it. Saving an untrained network
    once, before the training, shows what is wrong in time.

    Args:
        network: the network.
        path: file to write.
        metadata: name, labels and preprocessing.
        factory: function that builds the network; it is called once, to check that what it builds has the
            same tensors.
        arguments: keyword arguments of the factory: numbers, words and lists of them.

    Raises:
        SettingsError: a factory or arguments that a checkpoint cannot name, or other than one label per
            class of a MicroNet.
        NetworkError: the factory builds another network.
        OutputError: the file cannot be written.
    """
    if factory is None and not arguments and type(network) is MicroNet and fits_its_variant(network):
        save_checkpoint(network, path, preprocessing=metadata.preprocessing, labels=metadata.labels)
        return
    called = None if factory is None else Factory.of(factory)
    unhashed = replace(metadata, checkpoint_sha256=UNHASHED)  # what is saved counts as trained
    stored = OwnCheckpoint(unhashed, None if called is None else str(called), dict(arguments or {}))
    check_call(stored.factory, stored.arguments)
    tensors = _tensors(network)
    if called is not None:
        _check_builds(called, stored, tensors)
    content = to_safetensors(tensors, stored.to_texts())
    write_bytes(content, Path(path), overwrite=True)


def load(path: Path | str, *, factory: GivenFactory | None = None) -> tuple[nn.Module, FileMetadata]:
    """Loads a network in inference mode, and its metadata.

    Args:
        path: the file.
        factory: function that builds the network; a MicroNet's checkpoint needs none.

    Returns:
        The network with the weights of the file, and its metadata, assumed where the file states none.

    Raises:
        CheckpointError: a file that cannot be read, or that needs a factory: only code that the caller
            names runs.
        NetworkError: the factory does not fit the file.
    """
    path = Path(path)
    stored = read_own(path, read_file(path)[1])
    if factory is not None and stored is not None:
        network = prepared(Factory.of(factory, path)).network
        return network, replace(stored.metadata, checkpoint_sha256=state_sha256(network))
    if stored is not None:
        raise CheckpointError(how_to_open(path, stored))
    if factory is None:
        found = read_checkpoint(path, CheckpointSettings())
    else:
        found = read_own_network(Factory.of(factory, path), CheckpointSettings(), None)
    return found.network, found.metadata


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """The network's tensors, each with memory of its own. Raises SettingsError on other state."""
    state = network.state_dict()
    other = next((name for name, value in state.items() if not isinstance(value, Tensor)), None)
    if other is not None:
        raise SettingsError(f"{type(network).__name__} keeps {other}, which is no tensor: make it a buffer")
    return {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}


def _check_builds(factory: Factory, stored: OwnCheckpoint, tensors: Mapping[str, Tensor]) -> None:
    """Raises NetworkError unless the factory builds a network of these tensors."""
    with torch.random.fork_rng(devices=[]):  # a training that goes on draws as before
        own = build_with(factory, stored.arguments).state_dict()
    try:
        fitting_weights(Path(stored.call), dict(tensors), own, "the given network")
    except NetworkError as error:
        raise NetworkError(f"{error}: name the function that builds this network") from error
