"""tract."""

from collections.abc import Callable

import numpy as np
import tract


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens an ONNX file."""
    network = tract.onnx().load(path).into_model().into_runnable()
    return lambda image: network.run([image])[0].to_numpy()
