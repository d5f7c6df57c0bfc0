"""Checks a baseline's file against its network in PyTorch, and how XNNPACK runs it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from baselines.building import random_baseline
from micronet_edge.data.preprocessing import Images
from micronet_edge.evaluation.networks import TorchNetwork
from micronet_edge.quantization.layer_outputs import decibels
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import target_of

_FOREIGN = ("CUSTOM", "FLEX")


@dataclass(frozen=True, slots=True)
class BaselineCheck:
    """The comparison of a file with its network on some images.

    `difference` is the largest one, divided by the largest logit. `sqnr_db` is the power of the logits
    divided by that of their error. `top1_agreement` is the share of images for which both predict the same
    class. `partitions` is the number of pieces for the delegate, None in a runtime without one. `foreign` are
    operators that plain runtimes lack.
    """

    difference: float
    sqnr_db: float
    top1_agreement: float
    partitions: int | None
    foreign: tuple[str, ...]


@runtime_checkable
class _Delegated(Protocol):
    def partitions(self) -> int: ...


def check_baseline(path: Path, images: Images) -> BaselineCheck:
    """Checks a file that `export_baseline` wrote, on preprocessed images [n, 3, size, size]."""
    described = read_metadata(path)
    size, classes = described.preprocessing.size, len(described.labels)
    expected = TorchNetwork(random_baseline(described.variant, size, classes)).run(images)
    session = target_of(path).open(path)
    logits = session.run(images)
    error = logits - expected
    return BaselineCheck(
        difference=float(np.abs(error).max() / np.abs(expected).max()),
        sqnr_db=decibels(float(np.square(expected).sum()), float(np.square(error).sum())),
        top1_agreement=float((logits.argmax(1) == expected.argmax(1)).mean()),
        partitions=session.partitions() if isinstance(session, _Delegated) else None,
        foreign=tuple(kind for kind in session.operators() if kind.upper().startswith(_FOREIGN)),
    )
