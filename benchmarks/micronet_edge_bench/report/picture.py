"""A picture of a suite for a README: bars in one self-contained SVG file, light and dark."""

from collections.abc import Iterator
from pathlib import Path

from micronet_edge.reports.plotting import text, ticks
from micronet_edge.util.output_files import write_text
from micronet_edge_bench.report.colours import precision_class
from micronet_edge_bench.report.text import milliseconds, shown
from micronet_edge_bench.results import FileResult, Results, Run
from micronet_edge_bench.statistics import latency

_WIDTH, _BARS_FROM, _BARS_TO = 860, 250, 800
_TOP, _HEADING, _BAR, _GAP = 26, 24, 17, 10
_NANOSECONDS = 1e6
_STYLE = """
text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1b2430;
  dominant-baseline: central; }
.soft { fill: #5a6675; } .name { text-anchor: end; } .tick { text-anchor: middle; fill: #5a6675; }
.turn { font-weight: 650; } line { stroke: #1b243022; }
.float32 { fill: #2f6db3; } .int8 { fill: #d1691f; } .unknown { fill: #8d98a7; } .naive { opacity: .5; }
@media (prefers-color-scheme: dark) {
text { fill: #e4e9f0; } .soft, .tick { fill: #9ba7b6; } line { stroke: #e4e9f022; }
.float32 { fill: #6aa6ea; } .int8 { fill: #ee965a; } }
"""


def write_picture(results: Results, path: Path, *, overwrite: bool = False) -> None:
    """Writes the picture: for every turn of a suite, one bar per file, to its median.

    Raises OutputError if that fails, and on an existing file without `overwrite`.
    """
    write_text(picture(results), path, overwrite=overwrite)


def picture(results: Results) -> str:
    """The picture as SVG."""
    longest = (
        max(latency(file.samples_ns).median_ns for run in results.runs for file in shown(run)) / _NANOSECONDS
    )
    rows: list[str] = []
    height = float(_TOP)
    for run in results.runs:
        rows += _turn(run, height, longest)
        height += _HEADING + _BAR * len(shown(run)) + _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" width="{_WIDTH}" '
        f'height="{height:g}" role="img"><title>Median latency of every file, ms</title>'
        f"<style>{_STYLE}</style>{_axis(longest, height)}{''.join(rows)}</svg>\n"
    )


def _turn(run: Run, top: float, longest: float) -> Iterator[str]:
    yield text(_BARS_FROM, top + _HEADING / 2, run.title or run.label, "turn")
    for place, file in enumerate(shown(run)):
        yield _bar(file, top + _HEADING + place * _BAR, longest)


def _bar(file: FileResult, top: float, longest: float) -> str:
    median_ns = latency(file.samples_ns).median_ns
    end = _at(median_ns / _NANOSECONDS, longest)
    middle = top + _BAR / 2
    kind = f"{precision_class(file)}{' naive' if file.naive else ''}"
    named = file.name.removesuffix(f".{file.format}")
    return (
        f"{text(_BARS_FROM - 8, middle, named, 'name')}"
        f'<rect class="{kind}" x="{_BARS_FROM}" y="{top + 2:g}" width="{end - _BARS_FROM:.1f}" '
        f'height="{_BAR - 4}" rx="2"/>{text(end + 6, middle, milliseconds(median_ns), "soft")}'
    )


def _axis(longest: float, height: float) -> str:
    """Round times above the bars, with grid lines."""
    return "".join(
        f'<line x1="{_at(tick, longest):.1f}" x2="{_at(tick, longest):.1f}" y1="{_TOP}" y2="{height:g}"/>'
        f"{text(_at(tick, longest), _TOP / 2, f'{tick:g} ms', 'tick')}"
        for tick in ticks([0.0, longest])
        if tick <= longest
    )


def _at(time_ms: float, longest: float) -> float:
    return _BARS_FROM + (_BARS_TO - _BARS_FROM) * time_ms / longest
