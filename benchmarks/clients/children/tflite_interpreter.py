"""The interpreter of TFLite files, from any package that has it: TensorFlow, LiteRT, tflite-runtime."""

import importlib
from collections.abc import Callable

import numpy as np


def load(path: str, *, module: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens a TFLite file."""
    package, _, attribute = module.partition(":")
    found = importlib.import_module(package)
    interpreter = (getattr(found, attribute) if attribute else found).Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    (given,), (scores,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(image: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given["index"], image)
        interpreter.invoke()
        return interpreter.get_tensor(scores["index"])

    return run
