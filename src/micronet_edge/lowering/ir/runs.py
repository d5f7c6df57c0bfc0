"""Runs of a network: the tensors that it gives, and whether a graph can give the same."""

import torch
from torch import Tensor, nn

from micronet_edge.errors import LoweringError

_SAME_RUN = 1e-5
"""The largest difference between two runs, relative to the largest output: threads add in any order."""


def tensors_in(output: object) -> list[Tensor]:
    """All tensors in a network's output, in order.

    Raises LoweringError on anything else.
    """
    match output:
        case Tensor():
            return [output]
        case tuple() | list():
            return [tensor for item in output for tensor in tensors_in(item)]
        case dict():
            return [tensor for item in output.values() for tensor in tensors_in(item)]
        case _:
            raise LoweringError(f"a network must output tensors, not {type(output).__name__}")


def check_finite(network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Raises LoweringError where the network outputs NaN or infinity, which equal nothing."""
    with torch.no_grad():
        if not all(each.isfinite().all() for each in tensors_in(network(*inputs))):
            raise LoweringError(
                "the network outputs NaN or infinity on these samples: keep its numbers finite, by clamp or "
                "a small number in the divisor, for instance"
            )


def check_repeats(network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Raises LoweringError where two runs on the same inputs differ."""
    with torch.no_grad():
        first, second = (tensors_in(network(*inputs)) for _ in range(2))
    if not all(map(_is_same, first, second)):
        raise LoweringError(
            "two runs on the same input differ: a file computes the same every time, so leave random numbers "
            "and what changes from run to run out of forward in inference"
        )


def _is_same(one: Tensor, other: Tensor) -> bool:
    largest = float(one.abs().max()) if one.numel() else 0.0
    return one.shape == other.shape and torch.allclose(one, other, 0, _SAME_RUN * largest, equal_nan=True)
