"""Runs a TFLite file in MediaPipe's image classifier and prints the scores of each image.

    python mediapipe_tasks.py out/m0-digits-float32-unit-softmax.tflite images.npy

`images.npy` holds images of uint8, [n, height, width, 3], in red, green and blue, of the size that the file
takes: MediaPipe stretches others to it. It imports nothing of ours: run it in an environment of its own, with
the `mediapipe` that clients.toml lists.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np


def classify(path: Path, images: np.ndarray) -> Iterator[list[tuple[int, str, float]]]:
    """For each image all classes by falling score: index, label and score.

    MediaPipe raises RuntimeError or ValueError on a file that it does not take.
    """
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=str(path)))
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for pixels in images:
            image = mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(pixels))
            (head,) = classifier.classify(image).classifications
            yield [(each.index, each.category_name, each.score) for each in head.categories]


def main() -> None:
    """Prints a list for each image, as JSON; on a file that MediaPipe does not take, its reason."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("images", type=Path, help="a .npy of images of uint8 [n, height, width, 3]")
    given = parser.parse_args()
    try:
        print(json.dumps(list(classify(given.file, np.load(given.images)))))
    except (RuntimeError, ValueError) as error:
        print(json.dumps({"error": str(error)}))


if __name__ == "__main__":
    main()
