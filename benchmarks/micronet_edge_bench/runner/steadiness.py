"""Tells whether warm-up has become steady."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from statistics import median

SMALLEST_WINDOW = 5
TOLERANCE = 0.02
"""By how much the medians of two windows of a steady series may differ."""

_SMALL_CHANGE = TOLERANCE / 2
_CHANCE = 2.58
"""In standard deviations: 1 % of series without a trend look as if they had one."""


def is_steady(samples_ns: Sequence[int]) -> bool:
    """Whether the later half of the samples neither steps nor drifts.

    Given    samples in the order they were taken
    Result   True where the medians of the last quarter and of the quarter before it differ by less than
             2 %, and by more than 1 % only if the order of those samples may be chance (Mann and Kendall's
             test for a trend). Windows that grow with the series let a noisy machine become steady, too:
             the median of few of its samples moves by more than 2 %. A window has 5 samples or more, so a
             series of fewer than 10 is never steady.
    """
    window = max(SMALLEST_WINDOW, len(samples_ns) // 4)
    if len(samples_ns) < 2 * window:
        return False
    recent = samples_ns[-2 * window :]
    change = abs(median(recent[window:]) / median(recent[:window]) - 1)
    return change < TOLERANCE and (change <= _SMALL_CHANGE or not _has_trend(recent))


def _has_trend(samples: Sequence[int]) -> bool:
    """Mann and Kendall's test: too many pairs of samples rise, or too many fall."""
    count = len(samples)
    surplus = sum((later > earlier) - (later < earlier) for earlier, later in combinations(samples, 2))
    deviation = sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return abs(surplus) > _CHANCE * deviation
