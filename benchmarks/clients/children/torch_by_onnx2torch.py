"""PyTorch, after onnx2torch."""

from collections.abc import Callable

import numpy as np
import onnx2torch
import torch


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Converts an ONNX file."""
    network = onnx2torch.convert(path).eval()

    def run(image: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(image)).numpy()

    return run
