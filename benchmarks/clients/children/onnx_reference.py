"""ONNX's reference evaluator, in NumPy."""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import version_converter
from onnx.reference import ReferenceEvaluator


def load(path: str, *, version: int | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Opens an ONNX file, converted to a version of the operators where one is given."""
    model = onnx.load(path)
    evaluator = ReferenceEvaluator(
        model if version is None else version_converter.convert_version(model, version)
    )
    return lambda image: evaluator.run(None, {evaluator.input_names[0]: image})[0]
