"""onnxsim; what comes out runs in ONNX Runtime."""

from collections.abc import Callable

import numpy as np
import onnx
import onnx_runtime
import onnxsim


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Simplifies an ONNX file."""
    simple, equal = onnxsim.simplify(onnx.load(path))
    if not equal:
        raise SystemExit("onnxsim says that its file computes something else")
    onnx.save(simple, "simple.onnx")
    return onnx_runtime.load("simple.onnx")
