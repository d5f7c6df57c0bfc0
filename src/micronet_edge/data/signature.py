"""What a network takes and gives: its inputs and outputs by name, with their shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from micronet_edge.errors import SettingsError

Sample = Annotated[NDArray[np.float32], "n ..."]
"""Samples of one input, or of one output."""

Samples = tuple[Sample, ...]
"""One array for each input, or for each output, with as many samples in all of them."""

_MAP_AXES = 3  # channels, height, width


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or an output: its name, and the shape of one sample, without the axis of the batch."""

    name: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.name or any(type(length) is not int or length < 1 for length in self.shape):
            raise SettingsError(
                f"{self.name or 'a tensor without a name'} of shape {list(self.shape)}: give it a name and "
                "lengths of 1 or more"
            )

    def __str__(self) -> str:
        return f"{self.name} {list(self.shape)}"

    @property
    def is_map(self) -> bool:
        """Whether a sample has channels, height and width, so that a file may keep its channels last."""
        return len(self.shape) == _MAP_AXES


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs in the order of the network's arguments, and the outputs in that of its results."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def __post_init__(self) -> None:
        names = [spec.name for spec in (*self.inputs, *self.outputs)]
        if not self.inputs or not self.outputs or len(set(names)) < len(names):
            raise SettingsError(
                f"inputs and outputs {', '.join(names)}: give at least one of each, with names that differ"
            )

    @classmethod
    def of_classifier(cls, input_size: int, classes: int) -> "Signature":
        """Square images of three colours in, one logit a class out."""
        image = TensorSpec("image", (3, input_size, input_size))
        return cls((image,), (TensorSpec("logits", (classes,)),))

    def to_dict(self) -> dict[str, list[dict[str, object]]]:
        """As plain values."""
        ends = {"inputs": self.inputs, "outputs": self.outputs}
        return {
            end: [{"name": spec.name, "shape": list(spec.shape)} for spec in specs]
            for end, specs in ends.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Sequence[Mapping[str, Any]]]) -> "Signature":
        """Reads what `to_dict` wrote.

        Raises KeyError, TypeError, AttributeError or SettingsError on anything else.
        """
        inputs, outputs = (
            tuple(TensorSpec(str(each["name"]), tuple(each["shape"])) for each in values[end])
            for end in ("inputs", "outputs")
        )
        return cls(inputs, outputs)
