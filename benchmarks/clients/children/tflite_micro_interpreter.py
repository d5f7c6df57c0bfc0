"""TensorFlow Lite Micro's interpreter."""

from collections.abc import Callable

import numpy as np
from tflite_micro.python.tflite_micro import runtime


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens a TFLite file."""
    interpreter = runtime.Interpreter.from_file(path)

    def run(image: np.ndarray) -> np.ndarray:
        interpreter.set_input(image, 0)
        interpreter.invoke()
        return interpreter.get_output(0)

    return run
