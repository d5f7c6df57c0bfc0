"""OpenCV's module dnn."""

from collections.abc import Callable

import cv2
import numpy as np


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens an ONNX or TFLite file. Scores of a TFLite file that computes in integers stay what they are."""
    read = cv2.dnn.readNetFromTFLite if path.endswith(".tflite") else cv2.dnn.readNetFromONNX
    network = read(path)

    def run(image: np.ndarray) -> np.ndarray:
        # A TFLite file wants what OpenCV calls a blob: channels first.
        blob = image.transpose(0, 3, 1, 2) if path.endswith(".tflite") else image
        network.setInput(np.ascontiguousarray(blob))
        return np.array(network.forward())

    return run
