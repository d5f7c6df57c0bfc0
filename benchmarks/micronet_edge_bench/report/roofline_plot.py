"""Draws latency against multiply-adds, both on logarithmic scales, with the machine's measured peak as roof.

No file can lie below the line of the peak. The distance above it is the cost of other work.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from micronet_edge.reports.plotting import cut, text
from micronet_edge.util.safe_text import escape
from micronet_edge_bench.report.colours import precision_class
from micronet_edge_bench.report.place_labels import Point, along_lines, around, beside_points
from micronet_edge_bench.report.speed_lines import Frame, SpeedLine, decade_scale, peak_lines, round_lines
from micronet_edge_bench.report.text import format_of, millions, milliseconds, peaks, shown
from micronet_edge_bench.results import FileResult, Run
from micronet_edge_bench.statistics import latency

WIDE, NARROW = 960, 340
"""The widths of the plot, for a page and for a phone, so that text stays legible on both."""

_HEIGHTS = {WIDE: 440, NARROW: 320}
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 44
_MEGA = 1e6
_LABEL_LETTERS = 24
_MOST_NAMED = 8
"""Files whose own names have room beside their marks."""


@dataclass(frozen=True, slots=True)
class _Point:
    file: FileResult
    madds: float
    milliseconds: float


def roofline_plot(runs: Sequence[Run]) -> str:
    """The files of one device with known multiply-adds, in both widths; empty if there are none."""
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
    """Descriptions of the measured peaks."""
    return [
        f"{name} {speed / 1e9:.1f} billion multiply-adds a second" for name, speed in _roofs(runs).items()
    ]


def _roofs(runs: Sequence[Run]) -> dict[str, float]:
    """The highest measured multiply-adds per second, by precision and format."""
    found: dict[str, float] = {}
    for file in peaks(runs):
        assert file.madds is not None  # `peaks` yields only these
        name = f"{file.precision or 'peak'}, {format_of(file)}"
        speed = file.madds / latency(file.samples_ns).median_ns * 1e9
        found[name] = max(speed, found.get(name, 0.0))
    return found


def _plot(points: Sequence[_Point], roofs: dict[str, float], width: int) -> str:
    height = _HEIGHTS[width]
    x = decade_scale([point.madds / _MEGA for point in points], _LEFT, width - _RIGHT)
    latencies = [point.milliseconds for point in points] + _lowest(points, roofs)
    frame = Frame(x, decade_scale(latencies, height - _BOTTOM, _TOP))
    places = [(x.at(point.madds / _MEGA), frame.y.at(point.milliseconds)) for point in points]
    marks = "".join(_mark(point, *place) for point, place in zip(points, places, strict=True))
    peak, others = peak_lines(roofs, frame), round_lines(frame)
    lines = "".join(line.svg for line in (*others, *peak))
    return (
        f'<svg class="scatter" viewBox="0 0 {width} {height}" role="img" aria-label="Latency of each file '
        f'against its multiply-adds, both on logarithmic scales">{_axes(frame, height)}'
        f"{_beneath(peak, frame)}{lines}{marks}{_labels(points, places, peak, others, frame)}</svg>"
    )


def _labels(
    points: Sequence[_Point],
    places: Sequence[Point],
    peak: Sequence[SpeedLine],
    others: Sequence[SpeedLine],
    frame: Frame,
) -> str:
    """Labels for the roof first, then the points, then the other lines, where there is room."""
    taken = [around(place) for place in places]
    found = list(along_lines(peak, taken, frame.box))
    names = _names([point.file for point in points])
    found += beside_points(places, names, [*taken, *(each.box for each in found)], frame.box)
    found += along_lines(others, [*taken, *(each.box for each in found)], frame.box)
    return "".join(each.svg for each in found)


def _names(files: Sequence[FileResult]) -> list[str]:
    """The variants if they say which file is which, or if there are too many files for longer names."""
    variants = [file.variant or _short_name(file) for file in files]
    if len(set(variants)) == len(files) or len(files) > _MOST_NAMED:
        return [cut(each, _LABEL_LETTERS) for each in variants]
    return [_short_name(file) for file in files]


def _short_name(file: FileResult) -> str:
    """The file's name without folders, shortened in its middle, since names differ at their ends."""
    name = file.name.rpartition("/")[2]
    if len(name) <= _LABEL_LETTERS:
        return name
    kept = _LABEL_LETTERS - 1
    return f"{name[: kept // 3]}\N{HORIZONTAL ELLIPSIS}{name[kept // 3 - kept :]}"


def _lowest(points: Sequence[_Point], roofs: dict[str, float]) -> list[float]:
    """The times of the largest file at the peaks, so that the roof stays visible."""
    return [max(point.madds for point in points) / speed * 1e3 for speed in roofs.values()]


def _axes(of: Frame, height: int) -> str:
    x, y = of.x, of.y
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
        f"{''.join(lines)}{frame}"
        f"{text((x.start + x.end) / 2, height - 8, 'million multiply-adds, log scale', 'unit')}"
        f'<text class="unit" transform="translate(12 {middle:.1f}) rotate(-90)">latency, ms, log scale</text>'
    )


def _beneath(peak: Sequence[SpeedLine], frame: Frame) -> str:
    """The area below the lowest roof, where no file can lie."""
    if not peak:
        return ""
    (x1, y1), (x2, y2) = max((line.segment for line in peak), key=lambda segment: segment[0])
    corner = f"H{frame.x.end}V{frame.y.start}H{x1:.1f}Z"
    return f'<path class="beneath" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}{corner}"/>'


def _mark(point: _Point, x: float, y: float) -> str:
    file = point.file
    speed = point.madds / point.milliseconds / 1e6
    tooltip = (
        f"{file.name}: {millions(point.madds)} million multiply-adds in "
        f"{milliseconds(point.milliseconds * _MEGA)} ms, {speed:.2f} billion a second"
    )
    naive = " naive" if file.naive else ""
    return (
        f'<g class="{precision_class(file)}{naive}"><title>{escape(tooltip)}</title>{_shape(file, x, y)}</g>'
    )


def _shape(file: FileResult, x: float, y: float) -> str:
    if file.format == "tflite":
        return f'<rect class="mark" x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9" rx="1"/>'
    return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'


def _legend(points: Sequence[_Point]) -> str:
    """The legend of the shapes and colours in use."""
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
