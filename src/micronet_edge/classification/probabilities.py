"""From what a file gives to probabilities, and to the best classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from micronet_edge.errors import TargetError
from micronet_edge.settings import Scores
from micronet_edge.targets.session_protocol import Logits

Probabilities = Annotated[NDArray[np.float64], "n classes"]


@dataclass(frozen=True, slots=True)
class Classification:
    """A class that an image may be of.

    Attributes:
        label: its name.
        score: its probability, from 0 to 1.
        index: its place among the network's classes, from 0.
    """

    label: str
    score: float
    index: int


def probabilities(found: Logits, scores: Scores) -> Probabilities:
    """The probabilities of all classes: the softmax of logits, or what the file gives as they are."""
    values = found.astype(np.float64)
    if scores == "softmax":
        return values
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    shares: Probabilities = powers / powers.sum(axis=1, keepdims=True)
    return shares


def best(row: NDArray[np.float64], labels: Sequence[str], top: int) -> list[Classification]:
    """The `top` most probable classes, best first; equal ones in the order of the classes."""
    order = np.argsort(-row, kind="stable")[:top]
    return [Classification(labels[place], float(row[place]), int(place)) for place in order]


def check_found(found: Logits, source: Path, count: int, classes: int) -> None:
    """Raises TargetError on what is not one finite number for each image and class."""
    if found.shape != (count, classes):
        raise TargetError(
            f"{source} gives {list(found.shape[1:])} values for an image and has {classes} labels: give one "
            "label for each class"
        )
    if not np.isfinite(found).all():
        raise TargetError(f"{source} gives NaN or infinity: export it again, or train it again")
