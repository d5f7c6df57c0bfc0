"""Example inputs, on which networks are traced and passes checked."""

import torch
from torch import Tensor

from micronet_edge.errors import LoweringError

Probe = int | Tensor | tuple[Tensor, ...]
"""The side of square images of three colours, or an example of each input, [1, ...]."""


def examples(probe: Probe) -> tuple[Tensor, ...]:
    """An example of each input; of a side, an image of zeros."""
    match probe:
        case int():
            return (torch.zeros(1, 3, probe, probe),)
        case Tensor():
            return (probe,)
        case _:
            return probe


def check_single(inputs: tuple[Tensor, ...]) -> None:
    """Raises LoweringError where an example is not one sample."""
    for each in inputs:
        if each.ndim == 0 or len(each) != 1:
            raise LoweringError(f"an example of an input must be [1, ...], not {list(each.shape)}")


def repeated(inputs: tuple[Tensor, ...], samples: int) -> tuple[Tensor, ...]:
    """As many samples as asked for, which differ: the example, and the example with its numbers moved."""
    return tuple(
        torch.cat([each.flatten().roll(7 * sample).view_as(each) for sample in range(samples)])
        for each in inputs
    )


def shapes_text(inputs: tuple[Tensor, ...]) -> str:
    """The shapes of the inputs, for messages."""
    return " and ".join(str(list(each.shape)) for each in inputs)
