"""Checks that a float file computes what the lowered network computes."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Images, Preprocessing
from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.pass_base import tensors_in
from micronet_edge.util.threads import one_thread
from micronet_edge.verification.prove import FLOAT32_TOLERANCE

Outputs = Sequence[NDArray[np.float32]]
_NOISE_IMAGES = 2
_NUDGE = 1e-5
"""Relative perturbation of each pixel of noise, as large as the rounding of a hundred layers.

Noise may drive a network to where float32 rounding decides: MicroNets with random weights at 32 px change by
1e-4 to 6e-4 there. A file may then differ from the network by as much as the network from itself.
"""


def check_conversion(
    name: str,
    network: nn.Module,
    run: Callable[[Images], Outputs],
    *,
    preprocessing: Preprocessing,
    batch: int,
) -> None:
    """Compares every output of a file with the network that was written into it.

    Given    the file's name; `run`, which returns the file's outputs in the network's order and layout for
             `batch` images [batch, 3, size, size], in the file's own runtime
    Raises   TargetError with the output and its largest difference, relative to the network's largest value.
    """
    known = preprocessing.batch(photographs())
    random = np.random.default_rng(0)
    noise = random.standard_normal((_NOISE_IMAGES, *known.shape[1:]), np.float32)
    nudged = noise * (1 + _NUDGE * random.standard_normal(noise.shape, np.float32))
    with torch.no_grad(), one_thread():
        expected = _all_outputs(lambda images: _outputs(network, images), known, batch)
        _compare(name, _all_outputs(run, known, batch), expected, [FLOAT32_TOLERANCE] * len(expected))
        expected = _all_outputs(lambda images: _outputs(network, images), noise, batch)
        moved = _all_outputs(lambda images: _outputs(network, images), nudged, batch)
        allowed = [max(FLOAT32_TOLERANCE, _difference(*pair)) for pair in zip(moved, expected, strict=True)]
        _compare(name, _all_outputs(run, noise, batch), expected, allowed)


def _outputs(network: nn.Module, images: Images) -> Outputs:
    return [tensor.numpy() for tensor in tensors_in(network(torch.from_numpy(images)))]


def _all_outputs(run: Callable[[Images], Outputs], images: Images, batch: int) -> Outputs:
    """Every output for all images, `batch` at a time; the last batch is filled up from the start."""
    starts = range(0, len(images), batch)
    parts = [run(images[np.arange(start, start + batch) % len(images)]) for start in starts]
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def _difference(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The largest difference, relative to the largest expected value."""
    largest = max(float(np.abs(expected).max(initial=0)), float(np.finfo(np.float32).tiny))
    return float(np.abs(found - expected).max(initial=0)) / largest


def _compare(name: str, found: Outputs, expected: Outputs, tolerances: Sequence[float]) -> None:
    shapes = [[list(each.shape) for each in outputs] for outputs in (found, expected)]
    if shapes[0] != shapes[1]:
        raise TargetError(
            f"{name}: the converted file outputs {shapes[0]}, the network {shapes[1]}: this format cannot "
            "express this network"
        )
    for place, (ours, theirs, tolerance) in enumerate(zip(found, expected, tolerances, strict=True)):
        if not np.isfinite(theirs).all():
            raise TargetError(f"{name}: the network itself outputs NaN or infinity: check its weights")
        if not (difference := _difference(ours, theirs)) <= tolerance:
            raise TargetError(
                f"{name}: the converted file does not compute the same function: output {place} differs by "
                f"up to {difference:.1e} of its largest value ({tolerance:.0e} allowed): this format cannot "
                "express this network"
            )
