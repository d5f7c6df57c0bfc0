"""The latency of one image on this machine: a quick figure, where `bench` measures one to rely on."""

import time
from collections.abc import Callable
from statistics import median

_WARMUP, _RUNS = 10, 50
_NS_PER_MS = 1e6


def latency_ms(infer: Callable[[], object]) -> float:
    """The median time of a call in milliseconds, after a warm-up."""
    for _ in range(_WARMUP):
        infer()
    taken = []
    for _ in range(_RUNS):
        start = time.perf_counter_ns()
        infer()
        taken.append(time.perf_counter_ns() - start)
    return median(taken) / _NS_PER_MS
