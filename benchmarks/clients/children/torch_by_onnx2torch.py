"""PyTorch, after onnx2torch."""

from collections.abc import Callable

import numpy as np
import torch

# onnx2torch imports torchvision, whose wheel for CUDA lacks this operator beside a torch without CUDA.
_LACKING = torch.library.Library("torchvision", "FRAGMENT")
_LACKING.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import onnx2torch  # noqa: E402


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Converts an ONNX file."""
    network = onnx2torch.convert(path).eval()

    def run(image: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(image)).numpy()

    return run
