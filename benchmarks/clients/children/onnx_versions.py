"""ONNX's converter of versions; what comes out runs in ONNX Runtime."""

from collections.abc import Callable

import numpy as np
import onnx
import onnx_runtime
from onnx import version_converter


def load(path: str, *, version: int) -> Callable[[np.ndarray], np.ndarray]:
    """Converts an ONNX file to another version of the operators."""
    onnx.save(version_converter.convert_version(onnx.load(path), version), "converted.onnx")
    return onnx_runtime.load("converted.onnx")
