"""Detects the end of warm-up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from statistics import median

SMALLEST_WINDOW = 5
TOLERANCE = 0.02
"""Largest relative difference of the medians of two windows of a steady series."""

_SMALL_CHANGE = TOLERANCE / 2
_CHANCE = 2.58
"""Limit in standard deviations; 1 % of series without a trend exceed it."""


def is_steady(samples_ns: Sequence[int]) -> bool:
    """Whether the second half of the samples has neither a step nor a trend.

    Given    samples in order of time
    Result   True if the medians of the last two quarters differ by less than 2 %, and by more than 1 % only
             if there is no significant trend (Mann-Kendall test). The windows grow with the series, so that
             a noisy machine becomes steady as well: the median of a few of its samples varies by more than
             2 %. A window has at least 5 samples, so a series of fewer than 10 is never steady.
    """
    window = max(SMALLEST_WINDOW, len(samples_ns) // 4)
    if len(samples_ns) < 2 * window:
        return False
    recent = samples_ns[-2 * window :]
    change = abs(median(recent[window:]) / median(recent[:window]) - 1)
    return change < TOLERANCE and (change <= _SMALL_CHANGE or not _has_trend(recent))


def _has_trend(samples: Sequence[int]) -> bool:
    """The Mann-Kendall test: too many pairs of samples rise, or too many fall."""
    count = len(samples)
    surplus = sum((later > earlier) - (later < earlier) for earlier, later in combinations(samples, 2))
    deviation = sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return abs(surplus) > _CHANCE * deviation
