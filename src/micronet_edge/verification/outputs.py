"""Compares the outputs of a file with those of a network, each relative to its own values."""

from dataclasses import dataclass
from math import log10
from pathlib import Path

import numpy as np

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.samples import ProofSamples
from micronet_edge.data.signature import Sample, Samples
from micronet_edge.errors import VerificationError
from micronet_edge.targets.protocol import FLOAT16, FLOAT32

FLOAT32_TOLERANCE = 1e-4
"""Largest difference of a float32 file, relative to the largest value of the PyTorch network's output.

Both runtimes sum in another order than PyTorch. Measured on m0 to m3 the difference stays below 2e-5; a
wrong channel or border, or a wrong weight on the image's path, gives at least 1e-3. A single wrong weight
in a branch that computes coefficients may stay below the tolerance.
"""

FLOAT16_TOLERANCE = 3e-2
"""The same for a float16 file, whose weights are rounded to 11 bits, each by up to 5e-4 of itself.

Measured on trained networks it stays below 4e-3, with random weights below 1.2e-2. A wrong weight cannot
hide in it: the target compares the file with the rounded network within FLOAT32_TOLERANCE.
"""

TOLERANCES = {FLOAT32: FLOAT32_TOLERANCE, FLOAT16: FLOAT16_TOLERANCE}
"""The tolerances of float files, by precision."""

ONE_LEVEL = 1 / 127
"""The largest difference, relative to an output's largest value, that is always accepted in integers.

It is one level of eight bits with a sign: an output that hardly varies has no signal to compare noise with.
"""

_TINY = float(np.finfo(np.float32).tiny)
_MOST_DB = 200.0
"""The ratio of an output without any difference."""


@dataclass(frozen=True, slots=True)
class OutputProof:
    """The comparison of one output with that of the PyTorch network.

    Attributes:
        difference: largest absolute difference of a value.
        relative_difference: the same, divided by the largest value.
        cosine: between all values of both.
        signal_db: how much the network's output varies about its mean, against the difference, in decibels.
    """

    name: str
    difference: float
    relative_difference: float
    cosine: float
    signal_db: float

    def __str__(self) -> str:
        return (
            f"output {self.name} differs by up to {self.relative_difference:.1e} of its largest value, "
            f"signal to noise {self.signal_db:.1f} dB"
        )


def compared(name: str, found: Sample, expected: Sample) -> OutputProof:
    """Compares an output of a file with the network's, which has the same shape.

    Raises VerificationError on another shape.
    """
    if found.shape != expected.shape:
        raise VerificationError(
            f"output {name} is {list(found.shape)}, in PyTorch {list(expected.shape)}: export it again"
        )
    difference = float(np.abs(found - expected).max())
    return OutputProof(
        name,
        difference,
        relative_difference=difference / largest(expected),
        cosine=_cosine(found, expected),
        signal_db=_signal_db(found, expected),
    )


def is_near(output: OutputProof, least_db: float) -> bool:
    """Whether the difference is small against what varies, or within one level of eight bits."""
    return output.signal_db >= least_db or output.relative_difference <= ONE_LEVEL


def check_same(
    path: Path, metadata: FileMetadata, found: Samples, expected: Samples, samples: ProofSamples
) -> None:
    """Raises VerificationError if an output of a float file differs by more than its tolerance."""
    tolerance = TOLERANCES[metadata.precision]
    shapes = [[list(each.shape) for each in outputs] for outputs in (found, expected)]
    if shapes[0] != shapes[1]:
        here, there = (str(each[0]) if len(each) == 1 else str(each) for each in shapes)
        raise VerificationError(f"{path.name} outputs {here}, the PyTorch network {there}")
    for spec, ours, theirs in zip(metadata.interface.outputs, found, expected, strict=True):
        errors = np.abs(ours - theirs) / largest(theirs)
        if not errors.max() <= tolerance:
            place = np.unravel_index(np.nan_to_num(errors, nan=np.inf).argmax(), errors.shape)
            value = str(place[1]) if metadata.is_classifier else f"{spec.name}{_index(place)}"
            advice = "export it again" if tolerance == FLOAT32_TOLERANCE else _TOO_COARSE
            raise VerificationError(
                f"{path.name} does not compute the same function: output {value} is {ours[place]:.5g} on "
                f"{samples.called(int(place[0]))}, in PyTorch {theirs[place]:.5g} (difference "
                f"{errors[place]:.1e} of the largest, {tolerance:.0e} allowed): {advice}"
            )


_TOO_COARSE = "float16 is too coarse for it, export float32"


def largest(values: Sample) -> float:
    """The largest magnitude, but never zero: a hard swish may output only zeros."""
    return max(float(np.abs(values).max()), _TINY)


def _index(place: tuple[np.intp, ...]) -> str:
    return str([int(each) for each in place[1:]]) if len(place) > 1 else ""


def _cosine(ours: Sample, theirs: Sample) -> float:
    if not (ours.any() or theirs.any()):
        return 1.0
    length = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    return float((ours * theirs).sum()) / max(length, _TINY)


def _signal_db(found: Sample, expected: Sample) -> float:
    noise = float(np.square(found.astype(np.float64) - expected).sum())
    signal = float(np.square(expected - expected.mean(dtype=np.float64)).sum())
    if noise <= signal * 10 ** (-_MOST_DB / 10):
        return _MOST_DB
    return 10 * log10(max(signal, _TINY) / noise)
