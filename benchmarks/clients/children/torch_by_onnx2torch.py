"""PyTorch, after onnx2torch."""

from collections.abc import Callable

import numpy as np
import torch

# onnx2torch imports torchvision, whose wheel for CUDA fails for want of these operators beside a torch
# without CUDA. None of our files holds them.
try:
    import torchvision  # noqa: F401
except RuntimeError:
    _LACKING = torch.library.Library("torchvision", "FRAGMENT")
    for _name in ("nms", "qnms"):
        _LACKING.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import onnx2torch


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Converts an ONNX file."""
    network = onnx2torch.convert(path).eval()

    def run(image: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(image)).numpy()

    return run
