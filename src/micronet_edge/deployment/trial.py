"""Runs a file once before an app is written around it, and finds what a file of another tool does not say."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from micronet_edge.data.metadata import UNKNOWN, FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import SettingsError, TargetError
from micronet_edge.targets.session_protocol import FileReader, Logits, Session

_CHANNELS_LAST = (".tflite",)
_SUM_TOLERANCE = 0.02
"""Of probabilities: 1000 that are rounded to 8 bits."""


def tried(path: Path, reader: FileReader, metadata: FileMetadata) -> FileMetadata:
    """The metadata, completed where another tool wrote the file.

    Raises TargetError if the runtime cannot open or run the file, SettingsError if it does not take one image
    at a time or does not answer it with a number for each label.
    """
    session = reader.open(path, threads=1, kernels="off")
    images = _images(metadata)
    scores = [_answer(session, path, images[place : place + 1]) for place in range(len(images))]
    if any(each.shape != (1, len(metadata.labels)) for each in scores):
        raise SettingsError(
            f"{path} answers an image with numbers of shape {list(scores[0].shape[1:])}, and there are "
            f"{len(metadata.labels)} labels: give --labels FILE with one for each number"
        )
    if metadata.precision != UNKNOWN:
        return metadata
    if (found := session.input_array(images[:1]).dtype) != np.float32:
        raise SettingsError(
            f"{path} takes {found} and was not written by this tool: apps around such files take float32"
        )
    layout = "NHWC" if path.suffix in _CHANNELS_LAST else "NCHW"
    return replace(metadata, layout=layout, scores="softmax" if _are_probabilities(scores) else "logits")


def _images(metadata: FileMetadata) -> Images:
    """One grey and one of noise, preprocessed."""
    shape = metadata.preprocessing.shape
    noise = np.random.default_rng(0).standard_normal(shape)
    return np.stack([np.zeros(shape), noise]).astype(np.float32)


def _answer(session: Session, path: Path, image: Images) -> Logits:
    try:
        return session.prepared(image)()
    except TargetError as error:
        raise SettingsError(
            f"{path} cannot be run on one image ({error}): export it with --batch 1"
        ) from error


def _are_probabilities(scores: list[Logits]) -> bool:
    return all(each.min() >= 0 and abs(each.sum() - 1) < _SUM_TOLERANCE for each in scores)
