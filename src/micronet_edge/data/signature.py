"""What a network takes and gives: its inputs and outputs by name, with their shapes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

Samples = tuple[Float32[np.ndarray, "n ..."], ...]
"""One array for each input, or for each output, with as many samples in all of them."""

_MAP_AXES = 3  # channels, height, width


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or an output: its name, and the shape of one sample, without the axis of the batch."""

    name: str
    shape: tuple[int, ...]

    @property
    def is_map(self) -> bool:
        """Whether a sample has channels, height and width, so that a file may keep its channels last."""
        return len(self.shape) == _MAP_AXES


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs in the order of the network's arguments, and the outputs in that of its results."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @classmethod
    def of_classifier(cls, input_size: int, classes: int) -> "Signature":
        """Square images of three colours in, one logit a class out."""
        image = TensorSpec("image", (3, input_size, input_size))
        return cls((image,), (TensorSpec("logits", (classes,)),))
