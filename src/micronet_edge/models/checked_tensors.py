"""Checks the tensors of a checkpoint and converts them to float32."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from micronet_edge.errors import CheckpointError
from micronet_edge.models.differences import COUNTER
from micronet_edge.util.text import plural

_FULL = (torch.float32, torch.float64)


def checked(path: Path, name: str, value: Tensor) -> Tensor:
    """The tensor in float32; a batch norm's counter as it is.

    Raises CheckpointError on a tensor that is not plain, not in floating point, or not finite in float32.
    """
    plain = value.layout == torch.strided and not value.is_meta
    if name.endswith(COUNTER) and plain:
        return value
    if not plain or not value.is_floating_point():
        raise CheckpointError(
            f"{path}: tensor {name} is {value.dtype}, {value.layout} on {value.device}: "
            "save the network in floating point, as plain tensors"
        )
    check_finite(path, name, value)
    return value.float()


def check_finite(path: Path, name: str, value: Tensor) -> None:
    """Raises CheckpointError on a tensor that holds NaN, infinity or values beyond float32."""
    if torch.isfinite(value.float()).all():
        return
    if torch.isfinite(value.double()).all():
        raise CheckpointError(
            f"{path}: tensor {name} holds values up to {float(value.abs().max()):.1e}, beyond float32: "
            "the training run diverged, or the weights were scaled; give an earlier checkpoint"
        )
    raise CheckpointError(
        f"{path}: tensor {name} holds NaN or infinity: the training run diverged; give an earlier checkpoint"
    )


def conversion_note(path: Path, tensors: Mapping[str, Tensor]) -> str | None:
    """Says that weights of fewer bits are converted to float32; None if there are none."""
    kinds = Counter(
        str(value.dtype).removeprefix("torch.")
        for value in tensors.values()
        if value.is_floating_point() and value.dtype not in _FULL
    )
    if not kinds:
        return None
    found = " and ".join(f"{plural(count, 'tensor')} in {kind}" for kind, count in kinds.items())
    return f"{path} holds {found}: converted to float32; weights from before the rounding are more exact"
