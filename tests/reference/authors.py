"""The authors' networks as figures: what their implementation holds and computes."""

import json
from pathlib import Path

import numpy as np
import torch
from reference.fill import fill
from torch import Tensor

_HERE = Path(__file__).parent
MODELS = json.loads((_HERE / "models.json").read_text())
with np.load(_HERE / "golden.npz") as _golden, np.load(_HERE / "lively.npz") as _lively:
    GOLDEN = {**_golden, **_lively}
VARIANTS = tuple(MODELS)

# Under fill() alone the shifts of batch norm drown the image: logits of two images differ by 1e-7.
# With smaller running variances the image matters, and with very small ones the activations saturate.
LIVELY, SATURATED = 0.3, 0.02


def weights(variant: str, classes: int, seed: int, variance: float = 1.0) -> dict[str, Tensor]:
    """The variant's state dict under the authors' names, the running variances times `variance`."""
    shapes = {
        name: (classes, *shape[1:]) if name.startswith("classifier.2") and shape else tuple(shape)
        for name, shape in MODELS[variant]["state_dict"].items()
    }
    filled = {name: torch.from_numpy(fill(name, shape, seed)) for name, shape in shapes.items()}
    return {name: value * variance if name.endswith("var") else value for name, value in filled.items()}
