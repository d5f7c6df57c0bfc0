"""Draws the loss by quantization along a network: one row per layer, from the image to the logits."""

from dataclasses import dataclass
from itertools import groupby

from micronet_edge.quantization.layer_outputs import MOST_DB
from micronet_edge.quantization.sensitivity import LayerSensitivity, Sensitivity
from micronet_edge.reports.plotting import cut, text, ticks, with_minus
from micronet_edge.util.layer_names import common_start
from micronet_edge.util.safe_text import escape
from micronet_edge.util.statistics import PairedDifference

_WIDTH, _HEAD, _ROW, _GAP = 1000, 56, 20, 8
_NAME_X = 82
_BLOCK_LETTERS, _NAME_LETTERS = 10, 25
_HIGHEST_DB = 80.0
"""Upper limit of the drawn SQNR, so that one exact layer does not flatten the others."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """A column of the plot: `width` wide from `left`, for values from `low` to `high`."""

    title: str
    unit: str
    left: float
    width: float
    ticks: tuple[float, ...]

    def x(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        part = (min(max(value, low), high) - low) / (high - low)
        return self.left + part * self.width


def plot(found: Sensitivity) -> str:
    """The layers as a self-contained SVG picture."""
    panels = _panels(found)
    rows, y, start = [], _HEAD, left_out(found)
    path: list[tuple[float, float]] = []
    blocks = groupby(found.rows, lambda row: short_name(row, start).partition("/")[0])
    for number, (block, members) in enumerate(blocks):
        layers = list(members)
        height = _ROW * len(layers) + _GAP
        if number % 2 == 0:
            rows.append(f'<rect class="band" x="0" y="{y:.1f}" width="{_WIDTH:g}" height="{height:.1f}"/>')
        rows.append(text(8, y + _GAP / 2 + _ROW / 2, cut(block, _BLOCK_LETTERS), "block"))
        for place, row in enumerate(layers):
            middle = y + _GAP / 2 + _ROW * (place + 0.5)
            path.append((panels[0].x(row.sqnr_db), middle))
            rows.append(_row(row, short_name(row, start).removeprefix(block).lstrip("/"), middle, panels))
        y += height
    points = " ".join(f"{x:.1f},{middle:.1f}" for x, middle in path)
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {y + 4:g}" role="img" aria-label="Each layer from the image down to '
        f'the logits: SQNR, share of the noise, points back, range utilisation">'
        f'{"".join(_axis(panel) for panel in panels)}<g class="rows">{"".join(rows)}</g>'
        f'{"".join(_lines(panel, y) for panel in panels)}<polyline class="sqnr" points="{points}"/></svg>'
    )


def back(row: LayerSensitivity) -> PairedDifference | None:
    """The gain with this layer in float: in top-1, or in agreement without labelled images.

    None for a network that is no classifier.
    """
    return row.top1_back or row.agreement_back


def left_out(found: Sensitivity) -> str:
    """The common prefix of most layers' names, such as `features/`."""
    return common_start([row.layer for row in found.rows])


def short_name(row: LayerSensitivity, start: str) -> str:
    """The layer's name without the common prefix."""
    return row.layer.removeprefix(start)


def signed(points: float) -> str:
    """Percentage points with their sign."""
    return with_minus(f"{points:+z.2f}")


def decibels_of(row: LayerSensitivity) -> str:
    """The output's SQNR, capped at about what float32 itself reaches."""
    return with_minus(f"{row.sqnr_db:z.1f}") if row.sqnr_db < MOST_DB else "exact"


def share_of_noise(row: LayerSensitivity) -> str:
    """The share in per cent; values near zero show as zero without a sign."""
    return with_minus(f"{100 * row.noise_share:z.1f}%")


def range_of(row: LayerSensitivity) -> str:
    """The ends of the output's range."""
    return with_minus(f"{row.low:#.3g} to {row.high:#.3g}")


def _panels(found: Sensitivity) -> tuple[_Panel, ...]:
    rows = found.rows
    decibels = [min(row.sqnr_db, _HIGHEST_DB) for row in rows]
    shares = [100 * row.noise_share for row in rows]
    backs = [end for row in rows if (each := back(row)) is not None for end in (each.low, each.high)]
    brought = "Agreement back" if rows[0].top1_back is None else "Top-1 back"
    return (
        _Panel("SQNR", "of the output, dB", 262, 190, ticks(decibels)),
        _Panel("Share of the noise", "in the logits, %", 492, 168, ticks([0, *shares])),
        _Panel(brought, "points, 95 % interval", 700, 154, ticks([0, *backs])),
        _Panel("Utilisation", "of the range, %", 890, 98, (0, 50, 100)),
    )


def _plain(value: float) -> str:
    return with_minus(f"{value:.4g}")


def _axis(panel: _Panel) -> str:
    return "".join(
        [
            text(panel.left, 14, panel.title, "title"),
            text(panel.left, 29, panel.unit, "unit"),
            *(text(panel.x(tick), 46, _plain(tick), "tick") for tick in panel.ticks),
        ]
    )


def _lines(panel: _Panel, bottom: float) -> str:
    return "".join(
        f'<line class="{"zero" if tick == 0 else "grid"}" x1="{panel.x(tick):.1f}" x2="{panel.x(tick):.1f}" '
        f'y1="{_HEAD - 2:g}" y2="{bottom:.1f}"/>'
        for tick in panel.ticks
    )


def _row(row: LayerSensitivity, name: str, y: float, panels: tuple[_Panel, ...]) -> str:
    marks = text(panels[3].left + 5, y, "in float", "tick start") if row.in_float else _marks(row, y, panels)
    return (
        f'<g class="row"><title>{escape(_tooltip(row))}</title>'
        f'<rect class="hit" x="0" y="{y - _ROW / 2:.1f}" width="{_WIDTH:g}" height="{_ROW:g}"/>'
        f"{text(_NAME_X, y, cut(name, _NAME_LETTERS), 'name')}"
        f'<circle class="sqnr" cx="{panels[0].x(row.sqnr_db):.1f}" cy="{y:.1f}" r="3.5"/>{marks}</g>'
    )


def _marks(row: LayerSensitivity, y: float, panels: tuple[_Panel, ...]) -> str:
    _, noise, points, utilisation = panels
    brought = back(row)
    gained = (
        ""
        if brought is None
        else f'<line class="whisker" x1="{points.x(brought.low):.1f}" x2="{points.x(brought.high):.1f}" '
        f'y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle class="back" cx="{points.x(brought.points):.1f}" cy="{y:.1f}" r="3.5"/>'
    )
    return (
        f"{_bar(noise, row.noise_share * 100, y, 'noise')}{gained}"
        f"{_bar(utilisation, row.range_utilisation * 100, y, 'utilisation')}"
    )


def _bar(panel: _Panel, value: float, y: float, kind: str) -> str:
    start, end = sorted((panel.x(0), panel.x(value)))
    width = max(end - start, 0.5)
    return f'<rect class="{kind}" x="{start:.1f}" y="{y - 5:.1f}" width="{width:.1f}" height="10"/>'


def _tooltip(row: LayerSensitivity) -> str:
    """The tooltip of a row."""
    brought = back(row)
    what = "agreement" if row.top1_back is None else "top-1"
    gained = (
        ""
        if brought is None
        else f", {what} {signed(brought.points)} points ({signed(brought.low)} to {signed(brought.high)})"
    )
    if row.in_float:
        return f"{row.layer}\nSQNR, dB: {decibels_of(row)}\nin float: not quantized here"
    return (
        f"{row.layer}\n"
        f"SQNR, dB: {decibels_of(row)}\n"
        f"range {range_of(row)}, {row.range_utilisation:.0%} of the levels in use, "
        f"{row.saturated:.3%} of the values clipped\n"
        f"in float: {share_of_noise(row)} of the noise disappears{gained}"
    )
