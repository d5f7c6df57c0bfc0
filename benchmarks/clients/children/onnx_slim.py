"""OnnxSlim; what comes out runs in ONNX Runtime."""

from collections.abc import Callable

import numpy as np
import onnx_runtime
import onnxslim


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Slims an ONNX file."""
    onnxslim.slim(path, "slim.onnx")
    return onnx_runtime.load("slim.onnx")
