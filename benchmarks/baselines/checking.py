"""How true a peer's file is to the network in PyTorch, and how XNNPACK takes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from baselines.building import random_peer
from micronet_edge.data.preprocessing import Images
from micronet_edge.evaluation.networks import TorchNetwork
from micronet_edge.quantization.layer_outputs import decibels
from micronet_edge.targets.registry import read_metadata, target_of

_FOREIGN = ("CUSTOM", "FLEX")


@dataclass(frozen=True, slots=True)
class PeerCheck:
    """A file held against its network on some images.

    `difference` is the largest one, over the largest logit; `sqnr_db` the power of the logits over that
    of their error; `top1_agreement` the share of images on which both name the same class; `partitions`
    into how many pieces a delegate cut the file, None in a runtime without; `foreign` are operators that
    no plain runtime has.
    """

    difference: float
    sqnr_db: float
    top1_agreement: float
    partitions: int | None
    foreign: tuple[str, ...]


@runtime_checkable
class _Delegated(Protocol):
    def partitions(self) -> int: ...


def check_peer(path: Path, images: Images) -> PeerCheck:
    """Runs a file that `export_peer` wrote on preprocessed images [n, 3, size, size]."""
    expected = TorchNetwork(random_peer(read_metadata(path).variant)).run(images)
    session = target_of(path).open(path)
    logits = session.run(images)
    error = logits - expected
    return PeerCheck(
        difference=float(np.abs(error).max() / np.abs(expected).max()),
        sqnr_db=decibels(float(np.square(expected).sum()), float(np.square(error).sum())),
        top1_agreement=float((logits.argmax(1) == expected.argmax(1)).mean()),
        partitions=session.partitions() if isinstance(session, _Delegated) else None,
        foreign=tuple(kind for kind in session.operators() if kind.upper().startswith(_FOREIGN)),
    )
