"""Confidence intervals of accuracies."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

Right = Bool[np.ndarray, " images"]

_Z = 1.96
"""Standard deviations on either side of a 95 % interval."""


def wilson_interval(correct: int, count: int, z: float = _Z) -> tuple[float, float]:
    """The 95 % interval of a share, valid also near 100 %. Source: Wilson 1927."""
    share = correct / count
    centre = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    whole = 1 + z * z / count
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A difference in top-1 in percentage points, with its 95 % interval."""

    points: float
    low: float
    high: float


def paired_difference(ours: Right, theirs: Right) -> PairedDifference:
    """The difference of two accuracies on the same images.

    Given    for each image whether ours is correct, and whether theirs is
    Result   ours minus theirs. The interval accounts for the pairing: images on which both agree widen it
             little. Its width is never zero, even if the two never differ.

    It combines the squared Wilson intervals of both shares and subtracts their correlation (phi).
    Source: Newcombe 1998, Statistics in Medicine 17, 2635-2650, method 10.
    """
    assert ours.shape == theirs.shape  # the same images
    assert ours.size
    p, q = float(ours.mean()), float(theirs.mean())
    p_low, p_high = wilson_interval(int(ours.sum()), ours.size)
    q_low, q_high = wilson_interval(int(theirs.sum()), theirs.size)
    phi = _correlation(ours, theirs)
    below = _added(p - p_low, q_high - q, phi)
    above = _added(p_high - p, q - q_low, phi)
    return PairedDifference(100 * (p - q), 100 * (p - q - below), 100 * (p - q + above))


def _correlation(ours: Right, theirs: Right) -> float:
    """Phi of the 2 x 2 table; a positive phi is corrected for continuity."""
    both, neither = int((ours & theirs).sum()), int((~ours & ~theirs).sum())
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    marginals = math.prod([both + only_ours, both + only_theirs, neither + only_ours, neither + only_theirs])
    if marginals == 0:  # one of the two is always or never correct
        return 0.0
    covariance = both * neither - only_ours * only_theirs
    corrected = max(covariance - ours.size / 2, 0.0) if covariance > 0 else covariance
    return corrected / math.sqrt(marginals)


def _added(ours: float, theirs: float, phi: float) -> float:
    return math.sqrt(max(ours * ours - 2 * phi * ours * theirs + theirs * theirs, 0.0))
