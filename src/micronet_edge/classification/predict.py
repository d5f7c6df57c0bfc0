"""Classifies the pictures that a person names with a file that a person gives."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from micronet_edge.classification.open_file import OpenFile
from micronet_edge.classification.pictures import Picture, pictures_in
from micronet_edge.classification.probabilities import Classification, best
from micronet_edge.data.image_folders import SKIP_HINT
from micronet_edge.data.metadata import UNKNOWN, FileMetadata, check_classifier
from micronet_edge.data.preprocessing import FloatImage
from micronet_edge.errors import SettingsError
from micronet_edge.kernels import Kernels
from micronet_edge.settings import CheckpointSettings, Scores
from micronet_edge.targets.described_files import Described, describe_file
from micronet_edge.targets.isolated_targets import given_target
from micronet_edge.util.limits import THREADS, TOP

PORTION = 32
"""Pictures in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictSettings:
    """How to classify.

    Attributes:
        top: number of classes to give for each picture.
        threads: CPU threads of the runtime.
        kernels: "auto" uses the bundled fused kernels where available, "off" never.
        skip_unreadable: skips unreadable pictures instead of refusing them.
        described: what a file of another tool does not say; of ours, only `labels`.
        scores: what a file of another tool gives.
    """

    top: int = 5
    threads: int = 1
    kernels: Kernels = "auto"
    skip_unreadable: bool = False
    described: CheckpointSettings = field(default_factory=CheckpointSettings)
    scores: Scores | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A picture with its most probable classes, best first."""

    picture: Picture
    classes: tuple[Classification, ...]

    @property
    def best(self) -> Classification:
        return self.classes[0]

    @property
    def is_wrong(self) -> bool:
        """Whether it lies in the folder of another class."""
        return self.picture.label not in {None, self.best.label}


@dataclass(frozen=True, slots=True)
class Predictions:
    """All that was found in the pictures; `skipped` counts those that cannot be read."""

    path: Path
    described: Described
    found: tuple[Prediction, ...]
    skipped: int = 0

    @property
    def metadata(self) -> FileMetadata:
        return self.described.metadata

    @property
    def labelled(self) -> tuple[Prediction, ...]:
        """Those whose class is known."""
        return tuple(each for each in self.found if each.picture.label is not None)

    @property
    def right(self) -> int:
        """How many of those whose class is known are right."""
        return sum(not each.is_wrong for each in self.labelled)

    def summary(self) -> dict[str, object]:
        """As plain values, for JSON."""
        labelled = {"labelled": len(self.labelled), "right": self.right} if self.labelled else {}
        images = [
            {"image": each.picture.name}
            | ({} if each.picture.label is None else {"label": each.picture.label})
            | {
                "classes": [
                    {"label": found.label, "score": found.score, "index": found.index}
                    for found in each.classes
                ]
            }
            for each in self.found
        ]
        return {"file": str(self.path), **labelled, "skipped": self.skipped, "images": images}


def _unheard(_found: Prediction) -> None:
    """A prediction that nobody waits for."""


def predict(
    file: Path,
    sources: Sequence[str],
    settings: PredictSettings | None = None,
    report: Callable[[Prediction], None] = _unheard,
) -> Predictions:
    """Classifies pictures; the file is opened in a process of its own, which may die of a damaged one.

    Args:
        file: an ONNX, TFLite or C file.
        sources: as `pictures_in` takes them.
        settings: how to classify.
        report: called with each prediction as it comes.

    Raises:
        TargetError: on a file that cannot be opened, or gives no finite scores.
        SettingsError: on a file that is no classifier, a picture that cannot be read, and settings that do
            not apply.
    """
    settings = settings or PredictSettings()
    TOP.check(settings.top)
    THREADS.check(settings.threads)
    reader = given_target(file)
    described = _with_scores(describe_file(file, reader, settings.described), file, settings.scores)
    metadata = described.metadata
    check_classifier(metadata, file, "predict")
    pictures = pictures_in(sources, metadata.labels)
    opened = OpenFile.opened(file, metadata, reader, settings.threads, settings.kernels)
    found = []
    for each in _predictions(opened, pictures, settings):
        report(each)
        found.append(each)
    if not found:
        raise SettingsError("none of the pictures can be read as an image: give readable ones")
    return Predictions(file, described, tuple(found), len(pictures) - len(found))


def _with_scores(described: Described, file: Path, scores: Scores | None) -> Described:
    if scores is None:
        return described
    if described.metadata.variant != UNKNOWN:
        raise SettingsError(f"{file} states itself what it gives: leave --scores out")
    return replace(described, metadata=replace(described.metadata, scores=scores))


def _predictions(
    opened: OpenFile, pictures: Sequence[Picture], settings: PredictSettings
) -> Iterator[Prediction]:
    readable = _prepared(opened, pictures, skip_unreadable=settings.skip_unreadable)
    while part := list(islice(readable, PORTION)):
        rows = opened.probabilities(np.stack([image for _, image in part]))
        for (picture, _), row in zip(part, rows, strict=True):
            yield Prediction(picture, tuple(best(row, opened.metadata.labels, settings.top)))


def _prepared(
    opened: OpenFile, pictures: Sequence[Picture], *, skip_unreadable: bool
) -> Iterator[tuple[Picture, FloatImage]]:
    """Each picture with what the network sees of it, but for those that are skipped."""
    for picture in pictures:
        try:
            image = opened.metadata.preprocessing.array(picture.opened())
        except SettingsError as error:
            if skip_unreadable:
                continue
            hint = f"; {SKIP_HINT}" if len(pictures) > 1 else ""
            raise SettingsError(f"{error}{hint}") from error
        yield picture, image
