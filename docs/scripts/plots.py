"""Plots the committed results of the suites into docs/results: `python docs/scripts/plots.py`.

It reads benchmarks/results with the harness of the benchmarks, so it needs the installed package.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from svg import Drawing

from micronet_edge_bench.report.markdown import baseline_rows
from micronet_edge_bench.results import read_results

DOCS = Path(__file__).parents[1]
FOLDER = DOCS / "results"
RESULTS = DOCS.parent / "benchmarks" / "results"
_INTERVAL = re.compile(r"([\d.]+) \(([\d.]+) to ([\d.]+)\)")
_ROW = 22


class _Scale:
    """Places of numbers along a line."""

    def __init__(self, values: tuple[float, float], pixels: tuple[float, float]) -> None:
        self._values, self._pixels = values, pixels

    def __call__(self, value: float) -> float:
        (low, high), (first, last) = self._values, self._pixels
        return first + (value - low) / (high - low) * (last - first)


def _intervals(
    title: str, rows: list[tuple[str, str, float, float, float]], ticks: list[float], zero: float
) -> Drawing:
    """A row for each interval: name, kind, value, low end, high end."""
    height = 50 + _ROW * len(rows)
    drawn = Drawing(760, height + 14, title)
    at = _Scale((ticks[0], ticks[-1]), (330, 740))
    for tick in ticks:
        drawn.line((at(tick), 34), (at(tick), height), "one" if tick == zero else "grid")
        drawn.text(at(tick), 20, f"{tick:g}", "soft")
    for place, (name, kind, value, low, high) in enumerate(rows):
        y = 50 + place * _ROW
        drawn.text(315, y, name, "right small")
        drawn.line((at(low), y), (at(high), y), f"whisker line{kind}")
        drawn.dot(at(value), y, f"fill{kind}")
    return drawn


def baselines() -> Drawing:
    """Speed of MicroNet against each baseline of similar accuracy, with and without kernels."""
    rows = sorted(_comparisons(), key=lambda row: (row[1], row[0]))
    title = "Times as fast as a baseline of similar accuracy; above 1, MicroNet is faster"
    return _intervals(title, rows, [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6], 1.0)


def _comparisons() -> Iterator[tuple[str, str, float, float, float]]:
    own = ""
    for row in baseline_rows(read_results(RESULTS / "baselines.json")):
        cells = [cell.strip() for cell in row.strip("| ").split("|")]
        if re.fullmatch(r"m\d", cells[0]):
            own = cells[0]
        elif cells[0] != "peak" and (found := _INTERVAL.search(row)):
            runtime, _, kernels = cells[2].partition(", ")
            name = f"{own} to {cells[0]}, {runtime} {cells[3]}"
            yield name, "mine" if kernels else "hot", *map(float, found.groups())


def accuracy() -> Drawing:
    """Points of top-1 that int8 files differ from float32 by."""
    rows = [
        (
            f"{row['variant']} {row['format']} {row['way']}",
            "mine" if row["format"] == "onnx" else "hot",
            *(row["difference"][each] for each in ("points", "low", "high")),
        )
        for row in json.loads((RESULTS / "patches.json").read_text())["rows"]
    ]
    return _intervals("Points of top-1 to float32", rows, [-1.0, -0.5, 0.0, 0.5, 1.0], 0.0)


def microcontrollers() -> Drawing:
    """Instructions of an emulator for one image of 224 px, 1,000 classes, int8 C files."""
    counts = {
        (each["file"], each["device"]): each["counts"][0] / 1e6
        for each in json.loads((RESULTS / "mcu.json").read_text())["measured"]
    }
    size = " 224 px 1000 classes"
    names = sorted({file.removesuffix(size) for file, _ in counts if file.endswith(size)})
    boards = (("cortex-m4", "mine"), ("cortex-m55", "hot"))
    drawn = Drawing(760, 50 + 48 * len(names), "Millions of instructions for one image of 224 px")
    at = _Scale((0, 50), (200, 700))
    for tick in (0, 10, 20, 30, 40, 50):
        drawn.line((at(tick), 34), (at(tick), 40 + 48 * len(names)), "grid")
        drawn.text(at(tick), 20, f"{tick} M", "soft")
    for place, name in enumerate(names):
        drawn.text(190, 62 + place * 48, name, "right")
        for second, (board, kind) in enumerate(boards):
            count = counts[f"{name}{size}", board]
            y = 46 + place * 48 + second * 17
            drawn.rect(200, y, (at(count) - 200, 13), f"fill{kind}", 2)
            drawn.text(at(count) + 6, y + 7, f"{count:.1f}", "soft small left")
    return drawn


PLOTS = {"baselines": baselines, "accuracy": accuracy, "microcontrollers": microcontrollers}


def draw(folder: Path = FOLDER) -> None:
    """Writes every plot."""
    for name, plot in PLOTS.items():
        (folder / f"{name}.svg").write_text(plot().svg(), encoding="utf-8")


if __name__ == "__main__":
    draw()
