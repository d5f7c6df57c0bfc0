"""The authors' networks as figures: what their implementation holds and computes."""

import json
from pathlib import Path

import numpy as np
import torch
from reference.fill import fill
from torch import Tensor

_HERE = Path(__file__).parent
MODELS = json.loads((_HERE / "models.json").read_text())
with np.load(_HERE / "golden.npz") as _file:
    GOLDEN = dict(_file)
VARIANTS = tuple(MODELS)


def weights(variant: str, classes: int, seed: int) -> dict[str, Tensor]:
    """The variant's state dict under the authors' names, with another number of classes."""
    shapes = {
        name: (classes, *shape[1:]) if name.startswith("classifier.2") and shape else tuple(shape)
        for name, shape in MODELS[variant]["state_dict"].items()
    }
    return {name: torch.from_numpy(fill(name, shape, seed)) for name, shape in shapes.items()}
