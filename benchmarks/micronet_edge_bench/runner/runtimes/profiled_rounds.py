"""The rounds of a profile: inferences with the profiler and without it, in turns.

A machine's pace changes within seconds, so the whole inference, beside which the sum over operators is
judged, is timed in the same rounds. Each timed inference follows one that is not: it finds the caches as a
network does that runs continuously.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Recorded = TypeVar("Recorded")

WARM_UP_ROUNDS = 10


def in_turns(
    infer: Callable[[], object], profiled: Callable[[], Recorded], rounds: int
) -> tuple[float, list[Recorded]]:
    """The median nanoseconds of `infer`, and what `profiled` recorded, after rounds to warm up."""
    taken, recorded = [], []
    for _ in range(WARM_UP_ROUNDS + rounds):
        infer()
        start = time.perf_counter_ns()
        infer()
        taken.append(time.perf_counter_ns() - start)
        recorded.append(profiled())
    return float(statistics.median(taken[WARM_UP_ROUNDS:])), recorded[WARM_UP_ROUNDS:]
