"""MediaPipe's ImageClassifier, which takes pixels and reads everything else from the file."""

from collections.abc import Callable

import mediapipe
import numpy as np
from mediapipe.tasks import python
from mediapipe.tasks.python import vision


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens a TFLite file with MediaPipe's metadata."""
    options = vision.ImageClassifierOptions(base_options=python.BaseOptions(model_asset_path=path))
    classifier = vision.ImageClassifier.create_from_options(options)

    def run(image: np.ndarray) -> np.ndarray:
        given = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image[0]))
        found = classifier.classify(given).classifications[0].categories
        return np.array([each.score for each in sorted(found, key=lambda each: each.index)])

    return run
