"""ONNX's checker and strict shape inference; what comes out runs in ONNX Runtime."""

from collections.abc import Callable

import numpy as np
import onnx
import onnx_runtime


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Checks an ONNX file in full and writes down every shape."""
    onnx.checker.check_model(path, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(onnx.load(path), check_type=True, strict_mode=True)
    onnx.save(inferred, "inferred.onnx")
    return onnx_runtime.load("inferred.onnx")
