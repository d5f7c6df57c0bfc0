"""ONNX Runtime on the CPU."""

from collections.abc import Callable

import numpy as np
import onnxruntime


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens an ONNX file."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})[0]
