"""What samples say: medians, spread, and ratios that a noisy machine does not move."""

from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of a figure over `count` samples."""

    median: float
    low: float
    high: float
    count: int


def spread(values: list[float]) -> Spread:
    """The median of the values with their lower and upper quartile."""
    low, _, high = quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return Spread(median(values), low, high, len(values))


def speedups(baseline_ns: list[list[int]], ours_ns: list[list[int]]) -> Spread:
    """How many times faster ours is: one ratio of medians for each process, spread over processes."""
    ratios = [median(theirs) / median(ours) for theirs, ours in zip(baseline_ns, ours_ns, strict=True)]
    return Spread(median(ratios), min(ratios), max(ratios), len(ratios))
