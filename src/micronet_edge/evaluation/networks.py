"""Opens a network to run: an exported file of any target, a checkpoint, a factory or a module."""

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import SettingsError
from micronet_edge.kernels import Kernels
from micronet_edge.models import load_checkpoint
from micronet_edge.models.own_networks import Own, as_before, called, own_network, ready
from micronet_edge.models.source import Given, read_source
from micronet_edge.models.wrappings import Weights
from micronet_edge.settings import CheckpointSettings
from micronet_edge.targets.described_files import Described, describe_file
from micronet_edge.targets.isolated_targets import given_target
from micronet_edge.targets.session_protocol import Logits, Reader
from micronet_edge.util.threads import one_thread

CHECKPOINT_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".tar")


class Network(Protocol):
    """A network to run; every target's session is one as well."""

    def run(self, images: Images) -> Logits:
        """The logits of images [n, 3, size, size], any n."""


class TorchNetwork:
    """A PyTorch network as trained."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network.eval()

    def run(self, images: Images) -> Logits:
        with torch.inference_mode(), one_thread():
            return np.asarray(self._network(torch.from_numpy(images)))


Named = Path | Own
"""A network's file, or a user's network."""


def open_network(
    given: Named,
    kernels: Kernels = "auto",
    weights: Weights | None = None,
    metadata: FileMetadata | None = None,
) -> Network:
    """Opens a file or a user's network, to run on one thread, with the fused kernels where available.

    Given    which `weights` to take from a checkpoint that holds both averaged (ema) and raw ones; the
             `metadata` of a user's network, if it is not a plain classifier
    Raises   CheckpointError, TargetError or NetworkError if it cannot be opened or built.
    """
    if not isinstance(given, Path):
        network = ready(given)
        if metadata is not None and metadata.signature is not None:
            network = as_before(given, network, metadata).network
        return TorchNetwork(network)
    if is_checkpoint(given):
        return TorchNetwork(load_checkpoint(given, weights=weights).network)
    return _reader(given).open(given, threads=1, kernels=kernels)


def fused_activations(given: Named, kernels: Kernels) -> int:
    """The number of activations that run in the fused kernels; 0 for a network in PyTorch."""
    if runs_in_pytorch(given):
        return 0
    assert isinstance(given, Path)  # everything else runs in PyTorch
    return _reader(given).open(given, threads=1, kernels=kernels).fused


def named(given: Given, weights: Path | str | None = None) -> Named:
    """The file, factory or module that the argument names; a factory with the weights to load."""
    own = own_network(given, weights)
    if own is not None:
        return own
    assert isinstance(given, str | Path)  # everything else is a user's network
    return Path(given)


def shown(network: Named) -> Path:
    """The network's name in messages: a file's path, or a name for a user's network."""
    return network if isinstance(network, Path) else Path(called(network))


def describe_network(
    path: Named, settings: CheckpointSettings | None = None, metadata: FileMetadata | None = None
) -> Described:
    """Finds the metadata of a network, from its file and the settings.

    A checkpoint and a user's network are described as in `export`, the latter by `metadata` if given.
    Settings may replace the labels of an exported file but not its preprocessing, on which its weights
    depend. For a file of another tool the settings must give size, labels, mean and standard deviation.

    Raises   CheckpointError, TargetError or SettingsError on a file that is missing, damaged or lacks
             metadata, and on settings that do not apply to it.
    """
    settings = settings or CheckpointSettings()
    if not isinstance(path, Path) or is_checkpoint(path):
        source = read_source(path, None, settings, metadata)
        return Described(source.metadata, source.notes, source.assumption)
    if metadata is not None:
        raise SettingsError(
            f"metadata is for modules and factories only: {path} carries its own, leave it out"
        )
    return describe_file(path, _reader(path), settings)


def runs_in_pytorch(network: Named) -> bool:
    """Whether it is a checkpoint or a user's network, not a file for another runtime."""
    return not isinstance(network, Path) or is_checkpoint(network)


def is_checkpoint(path: Path) -> bool:
    """Whether the file's suffix is one of a checkpoint's."""
    return path.suffix.lower() in CHECKPOINT_SUFFIXES


def _reader(path: Path) -> Reader:
    return given_target(path, f", or a checkpoint: {', '.join(CHECKPOINT_SUFFIXES)}")
