"""The rounds of a profile: inferences with and without the profiler, alternately.

A machine's speed changes within seconds, so the whole inference, with which the sum over operators is
compared, is timed in the same rounds. An untimed inference precedes each timed one, so that caches are as in
continuous operation.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, TypeVar

from micronet_edge_bench.runner.plan import LEAST_WARMUP

if TYPE_CHECKING:
    from collections.abc import Callable

Recorded = TypeVar("Recorded")


def in_turns(
    infer: Callable[[], object], profiled: Callable[[], Recorded], rounds: int
) -> tuple[float, list[Recorded]]:
    """The median nanoseconds of `infer`, and the records of `profiled`, after warm-up rounds."""
    taken, recorded = [], []
    for _ in range(LEAST_WARMUP + rounds):
        infer()
        start = time.perf_counter_ns()
        infer()
        taken.append(time.perf_counter_ns() - start)
        recorded.append(profiled())
    return float(statistics.median(taken[LEAST_WARMUP:])), recorded[LEAST_WARMUP:]
