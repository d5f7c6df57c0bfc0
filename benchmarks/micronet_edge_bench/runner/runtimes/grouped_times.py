"""The middle of times that are only known in whole units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CUT_OFF = 0.0
"""A count k of a clock that cuts off stands for a time in [k, k + 1)."""
DIFFERENCE = -0.5
"""A count k that is the difference of two readings, both cut off, stands for one in [k - 1/2, k + 1/2)."""


def grouped_median(counts: Sequence[int], lower: float) -> float:
    """The median of times of which each is known to lie in [count + lower, count + lower + 1).

    Within a class the times are taken to lie evenly, as for any grouped data: median = L + (n/2 - F) / f,
    with L the lower end of the class in which half of all is reached, F the number of times below it and f
    in it. An ordinary median of cut-off times would be half a unit too small for every operator, which for
    hundreds of small operators is a tenth of the whole.
    """
    ordered = sorted(counts)
    middle = ordered[math.ceil(len(ordered) / 2) - 1]
    below = sum(count < middle for count in ordered)
    inside = sum(count == middle for count in ordered)
    return middle + lower + (len(ordered) / 2 - below) / inside
