"""ONNX's reference evaluator, in NumPy."""

from collections.abc import Callable

import numpy as np
from onnx.reference import ReferenceEvaluator


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens an ONNX file."""
    evaluator = ReferenceEvaluator(path)
    return lambda image: evaluator.run(None, {evaluator.input_names[0]: image})[0]
