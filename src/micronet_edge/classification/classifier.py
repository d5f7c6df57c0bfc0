"""A file that answers images: five lines in an app, on NumPy, Pillow and the file's own runtime."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from threading import Lock

import numpy as np

from micronet_edge.classification.described import Description
from micronet_edge.classification.given_images import GivenImage, as_image
from micronet_edge.classification.open_file import OpenFile
from micronet_edge.classification.probabilities import Classification, best
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import FloatImage, Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge.kernels import Kernels
from micronet_edge.settings import Scores
from micronet_edge.targets.readers import checked_reader
from micronet_edge.util.limits import THREADS

PORTION = 32
"""Images in memory at a time."""


class Classifier:
    """Classifies images with an ONNX or TFLite file.

    The file says how to prepare an image and what its classes are called. It is opened in this process, as an
    app opens its own files; `micronet-edge predict` opens files of anyone in a process of their own. Several
    threads may share a classifier; they take turns.

    Args:
        path: the file.
        threads: CPU threads of the runtime.
        kernels: "auto" uses the bundled fused kernels where available, "off" never.
        labels: names of the classes, in the place of the file's; a file of another tool needs them.
        preprocessing: how to prepare images for a file of another tool; no other takes it.
        scores: what a file of another tool gives: logits, if left out.

    Raises:
        TargetError: on a file that is missing, damaged, of no format that is installed, or of another tool
            and not fully described; if its runtime is not installed.
        SettingsError: on a file that is no classifier, and on arguments that contradict it.
    """

    def __init__(  # noqa: PLR0913 - a file of another tool states none of the last three
        self,
        path: str | os.PathLike[str],
        threads: int = 1,
        kernels: Kernels = "auto",
        *,
        labels: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
        scores: Scores | None = None,
    ) -> None:
        THREADS.check(threads)
        given = Path(path)
        reader = checked_reader(given)
        metadata = Description(labels, preprocessing, scores).completed(given, reader)
        self._file = OpenFile.opened(given, metadata, reader, threads, kernels)
        self._lock = Lock()

    @property
    def metadata(self) -> FileMetadata:
        """What is known of the file: labels, preprocessing, precision and origin."""
        return self._file.metadata

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.metadata.labels

    def classify(self, image: GivenImage, top: int = 5) -> list[Classification]:
        """The most probable classes of an image, best first.

        Args:
            image: a path, a Pillow image, or uint8 pixels: [height, width, 3] in RGB, or [height, width] in
                grey.
            top: how many; a network of fewer classes gives all.

        Raises:
            SettingsError: on what is no image.
            TargetError: if the file gives something else than a finite number for each class.
        """
        _check_top(top)
        (found,) = self._answers([self._prepared(image)], top)
        return found

    def classify_many(self, images: Iterable[GivenImage], top: int = 5) -> list[list[Classification]]:
        """The most probable classes of each image. Takes and raises what `classify` does."""
        if isinstance(images, str | os.PathLike):
            raise SettingsError(f"{images} is one path: give classify_many a list of images")
        _check_top(top)
        answers: list[list[Classification]] = []
        for part in _portions(images):
            prepared = []
            for place, image in enumerate(part, start=len(answers)):
                try:
                    prepared.append(self._prepared(image))
                except SettingsError as error:
                    raise SettingsError(f"image {place}: {error}") from error
            answers += self._answers(prepared, top)
        return answers

    def _answers(self, prepared: Sequence[FloatImage], top: int) -> list[list[Classification]]:
        with self._lock:
            rows = self._file.probabilities(np.stack(prepared))
        return [best(row, self.labels, top) for row in rows]

    def _prepared(self, image: GivenImage) -> FloatImage:
        return self.metadata.preprocessing.array(as_image(image))


def _check_top(top: int) -> None:
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise SettingsError(f"top {top!r}: give a whole number, 1 or more")


def _portions(images: Iterable[GivenImage]) -> Iterator[list[GivenImage]]:
    left = iter(images)
    while part := list(islice(left, PORTION)):
        yield part
