"""MediaPipe's ImageClassifier, which takes pixels and reads everything else from the file."""

from collections.abc import Callable

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens a TFLite file with MediaPipe's metadata."""
    classify = classifier(path)
    return lambda image: np.array([each.score for each in classify(image[0])])


def classifier(path: str) -> Callable[[np.ndarray], list]:
    """From an image of uint8 [height, width, 3], red first, to all classes: index, label and score of each.

    MediaPipe stretches an image of another size than the file takes. It raises RuntimeError or ValueError on
    a file that it does not take.
    """
    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=path))
    opened = vision.ImageClassifier.create_from_options(options)

    def classify(pixels: np.ndarray) -> list:
        image = mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(pixels))
        (head,) = opened.classify(image).classifications
        return sorted(head.categories, key=lambda each: each.index)

    return classify
