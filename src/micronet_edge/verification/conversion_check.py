"""Checks that a float file computes what the lowered network computes."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Images, Preprocessing
from micronet_edge.data.signature import Samples
from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.runs import tensors_in
from micronet_edge.util.threads import one_thread
from micronet_edge.verification.outputs import FLOAT32_TOLERANCE

Outputs = Sequence[NDArray[np.float32]]
Run = Callable[..., Outputs]
"""What gives the outputs for an array of samples of each input."""

_NOISE_SAMPLES = 2
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
    """Compares every output of a file with the network that was written into it, on photographs.

    Given    the file's name; `run`, which returns the file's outputs in the network's order and layout for
             `batch` images [batch, channels, height, width], in the file's own runtime
    Raises   TargetError as `check_conversion_on` does.
    """
    check_conversion_on(name, network, run, inputs=(preprocessing.batch(photographs()),), batch=batch)


def check_conversion_on(
    name: str, network: Callable[..., object], run: Run, *, inputs: Samples, batch: int
) -> None:
    """Compares every output of a file with the network that was written into it, and on noise as well.

    Given    the file's name; the network, called with tensors; `run`, which returns the file's outputs in the
             network's order and layout for `batch` samples of every input, in the file's own runtime; such
             samples, any number
    Raises   TargetError with the output and its largest difference, relative to the network's largest value.
             What is not finite on noise is not compared there.
    """

    def reference(*given: NDArray[np.float32]) -> Outputs:
        return [tensor.numpy() for tensor in tensors_in(network(*map(torch.from_numpy, given)))]

    noise, nudged = _noise(inputs)
    with torch.no_grad(), one_thread():
        expected = _all_outputs(reference, inputs, batch)
        _compare(name, _all_outputs(run, inputs, batch), expected, [FLOAT32_TOLERANCE] * len(expected))
        expected, moved = (_all_outputs(reference, each, batch) for each in (noise, nudged))
        if all(np.isfinite(each).all() for each in (*expected, *moved)):
            pairs = zip(moved, expected, strict=True)
            allowed = [max(FLOAT32_TOLERANCE, _difference(*pair)) for pair in pairs]
            _compare(name, _all_outputs(run, noise, batch), expected, allowed)


def _noise(inputs: Samples) -> tuple[Samples, Samples]:
    """Noise of the inputs' shapes, and the same slightly moved."""
    random, noise, nudged = np.random.default_rng(0), [], []
    for known in inputs:
        noise.append(random.standard_normal((_NOISE_SAMPLES, *known.shape[1:]), np.float32))
        nudged.append(noise[-1] * (1 + _NUDGE * random.standard_normal(noise[-1].shape, np.float32)))
    return tuple(noise), tuple(nudged)


def _all_outputs(run: Run, inputs: Samples, batch: int) -> Outputs:
    """Every output for all samples, `batch` at a time; the last batch is filled up from the start."""
    count = len(inputs[0])
    places = [np.arange(start, start + batch) % count for start in range(0, count, batch)]
    parts = [run(*(each[some] for each in inputs)) for some in places]
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
