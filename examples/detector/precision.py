"""From the detector's maps to boxes, and from boxes to the mean average precision at an overlap of 0.5."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from detector import CLASSES, STRIDE  # type: ignore[import-not-found]  # beside this script
from scenes import Box
from torch import nn

from micronet_edge.data.preprocessing import Preprocessing

LEAST_SCORE = 0.05
MOST_BOXES = 50
OVERLAP = 0.5
READ_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A box with its score, from 0 to 1."""

    score: float
    box: Box


def decode(classes: np.ndarray, boxes: np.ndarray) -> list[Found]:
    """The boxes in a scene's maps [10, h, w] and [4, h, w], best first.

    A cell counts if no neighbour has a higher score for its class; of boxes of a class that overlap, the best
    stays.
    """
    scores = 1 / (1 + np.exp(-classes.astype(np.float64)))
    padded = np.pad(scores, ((0, 0), (1, 1), (1, 1)))
    height, width = scores.shape[1:]
    around = [padded[:, r : r + height, c : c + width] for r in range(3) for c in range(3)]
    peaks = np.argwhere((scores >= np.max(around, axis=0)) & (scores >= LEAST_SCORE))
    ordered = sorted(peaks, key=lambda place: -scores[tuple(place)])[:MOST_BOXES]
    kept: list[Found] = []
    for label, row, column in ordered:
        x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
        left, top, right, bottom = (boxes[:, row, column] * STRIDE).tolist()
        box = Box(int(label), x - left, y - top, x + right, y + bottom)
        if all(each.box.label != label or overlap(each.box, box) < OVERLAP for each in kept):
            kept.append(Found(float(scores[label, row, column]), box))
    return kept


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    common = max(width, 0) * max(height, 0)
    return common / (_area(one) + _area(other) - common) if common else 0.0


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def mean_average_precision(found: Sequence[Sequence[Found]], truth: Sequence[Sequence[Box]]) -> float:
    """The mean over the classes of the area under precision against recall, as PASCAL VOC 2010 counts it."""
    return float(np.mean([_average_precision(label, found, truth) for label in range(CLASSES)]))


def _average_precision(label: int, found: Sequence[Sequence[Found]], truth: Sequence[Sequence[Box]]) -> float:
    total = sum(box.label == label for boxes in truth for box in boxes)
    rated = sorted(_rated(label, found, truth), reverse=True)
    right = np.cumsum([hit for _, hit in rated])
    precision = right / np.arange(1, len(rated) + 1)
    # The best precision at this recall or any higher one.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    gained = np.diff(right, prepend=0) / total
    return float((envelope * gained).sum())


def _rated(
    label: int, found: Sequence[Sequence[Found]], truth: Sequence[Sequence[Box]]
) -> Iterator[tuple[float, bool]]:
    """The score of each found box of the class, and whether it is right; a true box is found once."""
    for boxes, wanted in zip(found, truth, strict=True):
        left = [box for box in wanted if box.label == label]
        for each in sorted(boxes, key=lambda each: -each.score):
            if each.box.label != label:
                continue
            best = max(left, key=lambda box: overlap(box, each.box), default=None)
            hit = best is not None and overlap(best, each.box) >= OVERLAP
            if hit and best is not None:
                left.remove(best)
            yield each.score, hit


Run = Callable[[np.ndarray], tuple[np.ndarray, ...]]
"""From images [n, 3, h, w] to the maps of classes and boxes."""


def detect(run: Run, paths: Sequence[Path], preprocessing: Preprocessing) -> list[list[Found]]:
    """The boxes found in each image."""
    found = []
    for start in range(0, len(paths), READ_AT_ONCE):
        classes, boxes = run(preprocessing.batch(paths[start : start + READ_AT_ONCE]))
        found += [decode(*maps) for maps in zip(classes, boxes, strict=True)]
    return found


def in_pytorch(network: nn.Module) -> Run:
    """The network itself."""

    def run(images: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            return tuple(each.numpy() for each in network(torch.from_numpy(images)).values())

    return run
