"""The frame of a log-log plot, and its lines of equal speed.

On a line of equal speed, in multiply-adds per second, both axes grow by the same factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, log10

from micronet_edge_bench.report.place_labels import Box, Segment

_MARGIN = 1.35
"""The margin around the values, as a factor."""

_LEAST_RANGE = 4.0
_MOST_DECADES = 3
_FINE, _COARSE = (1, 2, 5), (1,)
_FINER = ((1, 2, 3, 5, 7), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9))
_FEWEST_TICKS = 3
"""With fewer, an axis does not show that it is logarithmic."""
_DECADES = range(5, 16)
_ENOUGH, _ROOM = 2, 24


@dataclass(frozen=True, slots=True)
class DecadeScale:
    """A logarithmic scale from `low` to `high`, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The position of a value."""
        part = log10(value / self.low) / log10(self.high / self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round numbers for the axis, the coarsest that are enough."""
        first = _COARSE if log10(self.high / self.low) > _MOST_DECADES else _FINE
        found: list[float] = []
        for steps in (first, *_FINER):
            found = self._ticks(steps)
            if len(found) >= _FEWEST_TICKS:
                break
        return found

    def _ticks(self, steps: tuple[float, ...]) -> list[float]:
        decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        every = [step * 10.0**decade for decade in decades for step in steps]
        return [tick for tick in every if self.low <= tick <= self.high]


@dataclass(frozen=True, slots=True)
class Frame:
    """The axes: millions of multiply-adds to the right, milliseconds upwards."""

    x: DecadeScale
    y: DecadeScale

    @property
    def box(self) -> Box:
        """The box for labels."""
        return Box(self.x.start, self.y.end, self.x.end - self.x.start, self.y.start - self.y.end)

    def crossing(self, speed: float) -> Segment | None:
        """The ends of a line of equal speed in the frame; None if it misses the frame.

        At `speed` per second, a million multiply-adds take 1e9 / speed milliseconds.
        """
        slope = 1e9 / speed
        left, right = max(self.x.low, self.y.low / slope), min(self.x.high, self.y.high / slope)
        if left >= right or self.x.at(right) - self.x.at(left) < _ROOM:
            return None
        start, end = ((self.x.at(value), self.y.at(value * slope)) for value in (left, right))
        return start, end


@dataclass(frozen=True, slots=True)
class SpeedLine:
    """A line with its label and its kind, `roof` or `speed`."""

    words: str
    kind: str
    segment: Segment

    @property
    def svg(self) -> str:
        """The line without its label."""
        (x1, y1), (x2, y2) = self.segment
        return f'<line class="{self.kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def decade_scale(values: list[float], start: float, end: float) -> DecadeScale:
    """A scale around all values, of a minimum length."""
    low, high = min(values) / _MARGIN, max(values) * _MARGIN
    if high / low < _LEAST_RANGE:
        middle = (low * high) ** 0.5
        low, high = middle / _LEAST_RANGE**0.5, middle * _LEAST_RANGE**0.5
    return DecadeScale(low, high, start, end)


def peak_lines(peaks: Mapping[str, float], frame: Frame) -> list[SpeedLine]:
    """A roof for each measured peak, named if there are several."""
    found = []
    for name, speed in peaks.items():
        segment = frame.crossing(speed)
        if segment is not None:
            words = f"peak{f' {name}' if len(peaks) > 1 else ''}: {speed / 1e9:.1f} G/s"
            found.append(SpeedLine(words, "roof", segment))
    return found


def round_lines(frame: Frame) -> list[SpeedLine]:
    """Round speeds: decades if two of them cross the frame, otherwise finer steps."""
    found: list[SpeedLine] = []
    for steps in (_COARSE, _FINE):
        speeds = [step * 10.0**decade for decade in _DECADES for step in steps]
        crossings = [(speed, frame.crossing(speed)) for speed in speeds]
        found = [SpeedLine(f"{speed / 1e9:g} G/s", "speed", at) for speed, at in crossings if at is not None]
        if len(found) >= _ENOUGH:
            break
    return found
