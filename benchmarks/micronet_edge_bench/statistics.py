"""Statistics of samples: medians, spread, and ratios with intervals that are robust to a noisy machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from jaxtyping import Float64, Int64

Processes = Sequence[Sequence[int]]
"""The nanoseconds of every timed inference of one file, by process, in order of time."""

_Medians = Float64[np.ndarray, " replicates"]

_SEED = 0
_REPLICATES = 2000
_REPLICATES_WITHIN = 200
_DRAWN_AT_ONCE = 1_000_000
_OUTSIDE = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Latency:
    """One file's latency over all processes; `low_ns` and `high_ns` are the quartiles."""

    median_ns: float
    mean_ns: float
    p90_ns: float
    p99_ns: float
    min_ns: float
    low_ns: float
    high_ns: float
    count: int
    process_medians_ns: tuple[float, ...]

    @property
    def spread(self) -> float:
        """The interquartile range divided by the median."""
        return (self.high_ns - self.low_ns) / self.median_ns

    @property
    def disagreement(self) -> float:
        """How much longer the slowest process took than the fastest, relative to the fastest."""
        return max(self.process_medians_ns) / min(self.process_medians_ns) - 1


def latency(processes: Processes) -> Latency:
    """The latency of one file, with equal weight for every sample."""
    values = np.concatenate([np.asarray(samples, np.float64) for samples in processes])
    low, middle, high, p90, p99 = np.quantile(values, (0.25, 0.5, 0.75, 0.9, 0.99)).tolist()
    return Latency(
        median_ns=middle,
        mean_ns=float(values.mean()),
        p90_ns=p90,
        p99_ns=p99,
        min_ns=float(values.min()),
        low_ns=low,
        high_ns=high,
        count=values.size,
        process_medians_ns=tuple(float(median(samples)) for samples in processes),
    )


@dataclass(frozen=True, slots=True)
class Ratio:
    """A speed-up over the baseline, with the 95 % interval."""

    value: float
    low: float
    high: float


def ratio_in_turn(baseline: Processes, ours: Processes) -> Ratio:
    """The speed-up of ours over the baseline, both measured alternately in the same rounds.

    Given    the samples of both, with the same numbers of processes and of rounds per process
    Result   the median over processes of the ratio of medians within a process, so that slow phases of the
             machine affect both. The interval is a bootstrap interval (Efron and Tibshirani 1993, An
             Introduction to the Bootstrap, chapter 13) that resamples processes and, within each, rounds,
             the same ones for both files.
    """
    value = median(median(theirs) / median(own) for theirs, own in zip(baseline, ours, strict=True))
    pools = []
    for number, (theirs, own) in enumerate(zip(baseline, ours, strict=True)):
        assert len(theirs) == len(own)  # a round times each file once
        drawn = [_medians(samples, number) for samples in (theirs, own)]
        pools.append(drawn[0] / drawn[1])
    return _with_interval(value, _over_processes(pools, _SEED))


def ratio_apart(baseline: Processes, ours: Processes) -> Ratio:
    """The speed-up of ours for two separate measurements; its interval is wider than for alternate ones.

    It is the ratio of the medians over processes of the medians; the bootstrap resamples each separately.
    """
    value = _median_of_medians(baseline) / _median_of_medians(ours)
    theirs, own = (
        _over_processes([_medians(samples, number + shift) for number, samples in enumerate(each)], shift)
        for each, shift in ((baseline, _SEED), (ours, _SEED + len(baseline)))
    )
    return _with_interval(value, theirs / own)


def _median_of_medians(processes: Processes) -> float:
    return float(median(median(samples) for samples in processes))


def _medians(samples: Sequence[int], seed: int) -> _Medians:
    """Medians of resampled rounds. The same seed draws the same rounds for the same count."""
    values = np.asarray(samples, np.float64)
    at_once = max(1, min(_REPLICATES_WITHIN, _DRAWN_AT_ONCE // len(values)))
    random = np.random.default_rng(seed)
    medians = [
        np.median(values[_draw_blocks(random, len(values), min(at_once, _REPLICATES_WITHIN - done))], axis=1)
        for done in range(0, _REPLICATES_WITHIN, at_once)
    ]
    return np.concatenate(medians)


def _draw_blocks(random: np.random.Generator, count: int, times: int) -> Int64[np.ndarray, "times count"]:
    """Draws `count` rounds, `times` times, in circular blocks of neighbours.

    Neighbouring samples are correlated: drawn singly they would make intervals too narrow.
    Source: Politis and Romano 1992, A circular block-resampling procedure for stationary data.
    """
    length = max(1, round(count**0.5))
    starts = random.integers(count, size=(times, -(-count // length), 1))
    drawn: Int64[np.ndarray, "times count"] = (starts + np.arange(length)) % count
    return drawn.reshape(times, -1)[:, :count]


def _over_processes(pools: list[_Medians], seed: int) -> _Medians:
    """Medians over resampled processes, each with one of its own resampled figures."""
    random = np.random.default_rng(seed)
    size = (_REPLICATES, len(pools))
    process, figure = random.integers(len(pools), size=size), random.integers(_REPLICATES_WITHIN, size=size)
    found: _Medians = np.median(np.stack(pools)[process, figure], axis=1)
    return found


def _with_interval(value: float, drawn: _Medians) -> Ratio:
    low, high = np.quantile(drawn, _OUTSIDE).tolist()
    return Ratio(float(value), min(low, value), max(high, value))
