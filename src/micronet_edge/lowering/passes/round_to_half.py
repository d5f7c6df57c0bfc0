"""Rounds a network's weights to what float16 holds, for files that store them so."""

import copy
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from micronet_edge.errors import LoweringError

_WORTH_HALVING = 64
"""Numbers of a tensor from which on 16 bits pay: a file needs an operator more to turn them back."""

_LARGEST = torch.finfo(torch.float16).max
_KEPT = 2.0**-10


def with_half_weights(network: nn.Module) -> nn.Module:
    """A copy of the network whose weights float16 holds exactly; biases stay as they are.

    Float16 keeps 11 bits of a weight, and fewer of one below 6e-5. A tensor of which it would not keep 10
    bits of each channel's largest weight stays as it is.

    Raises: LoweringError on a weight beyond its range.
    """
    rounded = copy.deepcopy(network)
    with torch.no_grad():
        for name, values in chain(rounded.named_parameters(), rounded.named_buffers()):
            if values.dtype == torch.float32 and values.ndim > 1 and values.numel() >= _WORTH_HALVING:
                _round(name, values)
    return rounded


def held_by_halves(values: NDArray[np.float32]) -> bool:
    """Whether float16 holds every number exactly, and there are enough of them to be worth it."""
    with np.errstate(over="ignore"):
        return values.size >= _WORTH_HALVING and np.array_equal(values.astype(np.float16), values)


def _round(name: str, values: Tensor) -> None:
    largest = float(values.abs().max())
    halves = values.half().float()
    if not torch.isfinite(halves).all():
        raise LoweringError(
            f"{name.replace('.', '/')}: a weight of {largest:.3g} lies beyond float16, which ends at "
            f"{_LARGEST:.0f}: export it with --precision float32"
        )
    errors, limits = ((each.abs().flatten(1).amax(1)) for each in (halves - values, values))
    if (errors <= limits * _KEPT).all():
        values.copy_(halves)
