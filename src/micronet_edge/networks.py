"""A network that answers images, whatever it lies in: an exported file of any target, or a checkpoint."""

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from micronet_edge.isolated_targets import given_target
from micronet_edge.kernels import Kernels
from micronet_edge.metadata import FileMetadata
from micronet_edge.models import load_checkpoint
from micronet_edge.preprocessing import Images
from micronet_edge.settings import ExportSettings
from micronet_edge.source import read_source
from micronet_edge.targets import Logits, Reader
from micronet_edge.threads import one_thread

CHECKPOINT_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".tar")


class Network(Protocol):
    """What every target's session is as well."""

    def run(self, images: Images) -> Logits:
        """The logits of images [n, 3, size, size], any n."""


class TorchNetwork:
    """A PyTorch network as it was trained."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network.eval()

    def run(self, images: Images) -> Logits:
        with torch.inference_mode(), one_thread():
            return np.asarray(self._network(torch.from_numpy(images)))


def open_network(path: Path, kernels: Kernels = "auto") -> Network:
    """The network in a file, ready to run on one thread, with our own kernels where they are at hand.

    Raises CheckpointError or TargetError on a file that cannot be opened.
    """
    if is_checkpoint(path):
        return TorchNetwork(load_checkpoint(path).network)
    return _reader(path).open(path, threads=1, kernels=kernels)


def fused_activations(path: Path, kernels: Kernels) -> int:
    """How many activations of the network run in our own kernels; of a checkpoint none."""
    return 0 if is_checkpoint(path) else _reader(path).open(path, threads=1, kernels=kernels).fused


def describe_network(path: Path) -> FileMetadata:
    """What a file says of its network.

    A checkpoint that carries no labels and preprocessing is described as `export` would: classes by
    their numbers, preprocessing as the released networks had it.

    Raises CheckpointError or TargetError on a file that is missing, damaged or none of ours.
    """
    if is_checkpoint(path):
        return read_source(path, None, ExportSettings()).metadata
    return _reader(path).read_metadata(path)


def is_checkpoint(path: Path) -> bool:
    """Whether the file's suffix is one of a checkpoint's."""
    return path.suffix.lower() in CHECKPOINT_SUFFIXES


def _reader(path: Path) -> Reader:
    return given_target(path, f", or a checkpoint: {', '.join(CHECKPOINT_SUFFIXES)}")
