"""Draws latency against multiply-adds, both in decades, and the roof that the machine's measured peak is.

A line of equal speed, multiply-adds in a second, rises by a decade to the right in each decade. Nothing can
lie below the line of the machine's peak; how far above it a file lies is what other work costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from micronet_edge.plotting import cut, text
from micronet_edge_bench.report.colours import precision_class
from micronet_edge_bench.report.place_labels import Box, Segment, along_line, around, beside_points
from micronet_edge_bench.report.wording import format_of, millions, milliseconds, peaks, shown
from micronet_edge_bench.results import FileResult, Run
from micronet_edge_bench.statistics import latency

WIDE, NARROW = 960, 340
"""The widths that it is drawn in: one for a page, one for a phone, so that text stays legible on both."""

_HEIGHTS = {WIDE: 440, NARROW: 320}
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 44
_MARGIN = 1.35
"""Left free around the points, as a factor."""
_LEAST_RANGE = 4.0
_FEW_TICKS, _STEPS_MANY, _STEPS_FEW = 4, (1, 2, 5), (1,)
_MEGA = 1e6
_LABEL_LETTERS = 24


_ENOUGH_SPEEDS, _ROOM_FOR_A_LINE = 2, 24


@dataclass(frozen=True, slots=True)
class _Point:
    file: FileResult
    madds: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class _Scale:
    """A decade scale from `low` to `high`, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        part = log10(value / self.low) / log10(self.high / self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        few = len(decades) > _FEW_TICKS
        steps = _STEPS_FEW if few else _STEPS_MANY
        every = [step * 10.0**decade for decade in decades for step in steps]
        return [tick for tick in every if self.low <= tick <= self.high]


def roofline_plot(runs: Sequence[Run]) -> str:
    """The files of one device whose multiply-adds are known, in both widths; empty if there are none."""
    points = [
        _Point(file, file.madds, latency(file.samples_ns).median_ns / _MEGA)
        for run in runs
        for file in shown(run)
        if file.madds
    ]
    if not points:
        return ""
    roofs = _roofs(runs)
    key = _legend(points)
    wide, narrow = (_plot(points, roofs, width) for width in (WIDE, NARROW))
    return f'{key}<div class="on-wide">{wide}</div><div class="on-narrow">{narrow}</div>'


def peak_words(runs: Sequence[Run]) -> list[str]:
    """The measured peaks, in words."""
    return [
        f"{name} {speed / 1e9:.1f} billion multiply-adds a second" for name, speed in _roofs(runs).items()
    ]


def _roofs(runs: Sequence[Run]) -> dict[str, float]:
    """The most multiply-adds in a second that were measured, by precision and format."""
    found: dict[str, float] = {}
    for file in peaks(runs):
        assert file.madds is not None  # as peaks promises
        name = f"{file.precision or 'peak'}, {format_of(file)}"
        speed = file.madds / latency(file.samples_ns).median_ns * 1e9
        found[name] = max(speed, found.get(name, 0.0))
    return found


def _plot(points: Sequence[_Point], roofs: dict[str, float], width: int) -> str:
    height = _HEIGHTS[width]
    x = _scale([point.madds / _MEGA for point in points], _LEFT, width - _RIGHT)
    y = _scale([point.milliseconds for point in points] + _lowest(points, roofs), height - _BOTTOM, _TOP)
    places = [(x.at(point.madds / _MEGA), y.at(point.milliseconds)) for point in points]
    speeds, taken = _speeds(roofs, x, y, [around(place) for place in places])
    names = [cut(_short_name(point.file), _LABEL_LETTERS) for point in points]
    frame = Box(x.start, y.end, x.end - x.start, y.start - y.end)
    labels = "".join(each.svg for each in beside_points(places, names, taken, frame))
    marks = "".join(_mark(point, *place) for point, place in zip(points, places, strict=True))
    return (
        f'<svg class="scatter" viewBox="0 0 {width} {height}" role="img" aria-label="Latency of each file '
        f'against its multiply-adds, both on logarithmic scales">'
        f"{_axes(x, y, height)}{speeds}{marks}{labels}</svg>"
    )


def _short_name(file: FileResult) -> str:
    """The variant, or the file's name without the folders that tell it from others."""
    return file.variant or file.name.rpartition("/")[2]


def _lowest(points: Sequence[_Point], roofs: dict[str, float]) -> list[float]:
    """What the most multiply-adds would take at the peaks, so that the roof can be seen above them."""
    return [max(point.madds for point in points) / speed * 1e3 for speed in roofs.values()]


def _scale(values: Sequence[float], start: float, end: float) -> _Scale:
    low, high = min(values) / _MARGIN, max(values) * _MARGIN
    if high / low < _LEAST_RANGE:
        middle = (low * high) ** 0.5
        low, high = middle / _LEAST_RANGE**0.5, middle * _LEAST_RANGE**0.5
    return _Scale(low, high, start, end)


def _axes(x: _Scale, y: _Scale, height: int) -> str:
    lines = [
        f'<line class="grid" x1="{x.at(tick):.1f}" x2="{x.at(tick):.1f}" y1="{y.end}" y2="{y.start}"/>'
        f"{text(x.at(tick), y.start + 14, f'{tick:g}', 'tick')}"
        for tick in x.ticks()
    ]
    lines += [
        f'<line class="grid" x1="{x.start}" x2="{x.end}" y1="{y.at(tick):.1f}" y2="{y.at(tick):.1f}"/>'
        f"{text(x.start - 7, y.at(tick), f'{tick:g}', 'end')}"
        for tick in y.ticks()
    ]
    frame = f'<path class="zero" d="M{x.start} {y.end}V{y.start}H{x.end}"/>'
    middle = (y.start + y.end) / 2
    return (
        f"{''.join(lines)}{frame}{text((x.start + x.end) / 2, height - 8, 'million multiply-adds', 'unit')}"
        f'<text class="unit" transform="translate(12 {middle:.1f}) rotate(-90)">latency, ms</text>'
    )


def _speeds(roofs: dict[str, float], x: _Scale, y: _Scale, marks: Sequence[Box]) -> tuple[str, list[Box]]:
    """The measured peaks, and round speeds to read the distance to them by; the room of their labels."""
    lines, taken = [], list(marks)
    for name, speed, kind in (*_peak_lines(roofs), *_round_lines(x, y)):
        crossing = _crossing(speed, x, y)
        if crossing is not None:
            (x1, y1), (x2, y2) = crossing
            shade = _beneath(crossing, x, y) if kind == "roof" and speed == max(roofs.values()) else ""
            lines.append(
                f'{shade}<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
            )
            label = along_line(
                crossing, name, kind, taken, Box(x.start, y.end, x.end - x.start, y.start - y.end)
            )
            if label is not None:
                lines.append(label.svg)
                taken.append(label.box)
    return "".join(lines), taken[len(marks) :]


def _peak_lines(roofs: dict[str, float]) -> list[tuple[str, float, str]]:
    named = [(f" {name}" if len(roofs) > 1 else "", speed) for name, speed in roofs.items()]
    return [(f"peak{name}: {speed / 1e9:.1f} G/s", speed, "roof") for name, speed in named]


def _round_lines(x: _Scale, y: _Scale) -> list[tuple[str, float, str]]:
    """Decades where two of them cross the frame, finer steps where they do not."""
    for steps in (_STEPS_FEW, _STEPS_MANY):
        speeds = [step * 10.0**decade for decade in range(5, 16) for step in steps]
        found = [speed for speed in speeds if _crossing(speed, x, y) is not None]
        if len(found) >= _ENOUGH_SPEEDS:
            break
    return [(f"{speed / 1e9:g} G/s", speed, "speed") for speed in found]


def _crossing(speed: float, x: _Scale, y: _Scale) -> Segment | None:
    """Where a line of equal speed enters the frame and where it leaves it; None where it misses it.

    At `speed` in a second, a million multiply-adds take 1e9 / speed milliseconds.
    """
    slope = 1e9 / speed
    left, right = max(x.low, y.low / slope), min(x.high, y.high / slope)
    if left >= right or x.at(right) - x.at(left) < _ROOM_FOR_A_LINE:
        return None
    start, end = ((x.at(value), y.at(value * slope)) for value in (left, right))
    return start, end


def _beneath(crossing: Segment, x: _Scale, y: _Scale) -> str:
    """Where no file can lie."""
    (x1, y1), (x2, y2) = crossing
    return f'<path class="beneath" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}H{x.end}V{y.start}H{x1:.1f}Z"/>'


def _mark(point: _Point, x: float, y: float) -> str:
    file = point.file
    speed = point.madds / point.milliseconds / 1e6
    told = (
        f"{file.name}: {millions(point.madds)} million multiply-adds in "
        f"{milliseconds(point.milliseconds * _MEGA)} ms, {speed:.2f} billion a second"
    )
    naive = " naive" if file.naive else ""
    return f'<g class="{precision_class(file)}{naive}"><title>{escape(told)}</title>{_shape(file, x, y)}</g>'


def _shape(file: FileResult, x: float, y: float) -> str:
    if file.format == "tflite":
        return f'<rect class="mark" x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9" rx="1"/>'
    return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'


def _legend(points: Sequence[_Point]) -> str:
    """Every shape and colour that occurs."""
    found: dict[tuple[str, str], FileResult] = {}
    for point in points:
        naive = " naive" if point.file.naive else ""
        found.setdefault((f"{precision_class(point.file)}{naive}", point.file.format), point.file)
    each = "".join(
        f'<li class="{kind}"><svg width="14" height="14" aria-hidden="true">{_shape(file, 7, 7)}</svg>'
        f"{escape(_meaning(file))}</li>"
        for (kind, _format), file in found.items()
    )
    return f'<ul class="legend">{each}</ul>'


def _meaning(file: FileResult) -> str:
    naive = ", naive" if file.naive else ""
    return f"{file.precision or 'precision unknown'}{naive}, {format_of(file)}"
