"""OpenVINO on the CPU, in float32 where the file is."""

from collections.abc import Callable

import numpy as np
import openvino


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens an ONNX or TFLite file."""
    network = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda image: network(image)[0]
