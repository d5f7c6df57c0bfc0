"""The whole inference, beside which the sum over its operators can be judged."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .seam import Session

WARM_UP = 20
"""Inferences before anything is read, here and in a profile."""


def whole_ns(session: Session, rounds: int) -> float:
    """The median of `rounds` inferences, with no profiler at work."""
    infer = session.infer
    for _ in range(WARM_UP):
        infer()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        infer()
        taken.append(time.perf_counter_ns() - start)
    return float(statistics.median(taken))
