"""Draws the loss by quantization along a network: one row per layer, from the image to the logits."""

from dataclasses import dataclass
from itertools import groupby

from micronet_edge.quantization.layer_outputs import MOST_DB
from micronet_edge.quantization.sensitivity import LayerSensitivity, Sensitivity
from micronet_edge.reports.plotting import cut, text, ticks, with_minus
from micronet_edge.util.layer_names import common_start
from micronet_edge.util.safe_text import escape
from micronet_edge.util.statistics import PairedDifference

_HEAD, _GAP = 56, 8
_BLOCK_LETTERS = 10
_LETTER = 6.0
_MARKED = 3
"""Panels that every width has; a wide page shows the utilisation of ranges as well."""
_HIGHEST_DB = 80.0
"""Upper limit of the drawn SQNR, so that one exact layer does not flatten the others."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """A column of the plot: `width` wide from `left`, for values from `low` to `high`.

    `labelled` are the ticks whose figures have room.
    """

    title: str
    unit: str
    left: float
    width: float
    ticks: tuple[float, ...]
    labelled: tuple[float, ...]

    def x(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        part = (min(max(value, low), high) - low) / (high - low)
        return self.left + part * self.width


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the parts of a row stand.

    `name_y` and `marks_y` are relative to the middle of a row. With a column of their own, blocks are named
    once and layers without them. `columns` are title, unit, left end and width of each panel.
    """

    width: int
    row: int
    name_x: int
    name_y: int
    marks_y: int
    name_letters: int
    block_column: bool
    columns: tuple[tuple[str, str, int, int], ...]


_WIDE = _Layout(
    width=1000,
    row=20,
    name_x=82,
    name_y=0,
    marks_y=0,
    name_letters=25,
    block_column=True,
    columns=(
        ("SQNR", "of the output, dB", 262, 190),
        ("Share of the noise", "in the logits, %", 492, 168),
        ("back", "points, 95 % interval", 700, 154),
        ("Utilisation", "of the range, %", 890, 98),
    ),
)
_NARROW = _Layout(
    width=340,
    row=36,
    name_x=6,
    name_y=-8,
    marks_y=8,
    name_letters=46,
    block_column=False,
    columns=(
        ("SQNR", "output, dB", 12, 88),
        ("Noise", "share in logits, %", 128, 92),
        ("back", "points, 95 %", 248, 80),
    ),
)
"""For a phone, pixel by pixel, so that text stays legible; names stand above the marks."""


def plot(found: Sensitivity) -> str:
    """The layers as self-contained SVG pictures, one for a page and one for a phone."""
    wide, narrow = (_picture(found, layout) for layout in (_WIDE, _NARROW))
    return f'<div class="on-wide">{wide}</div><div class="on-narrow">{narrow}</div>'


def _picture(found: Sensitivity, layout: _Layout) -> str:
    panels = _panels(found, layout)
    rows, y, start = [], float(_HEAD), left_out(found)
    path: list[tuple[float, float]] = []
    blocks = groupby(found.rows, lambda row: short_name(row, start).partition("/")[0])
    for number, (block, members) in enumerate(blocks):
        layers = list(members)
        height = layout.row * len(layers) + _GAP
        if number % 2 == 0:
            rows.append(
                f'<rect class="band" x="0" y="{y:.1f}" width="{layout.width}" height="{height:.1f}"/>'
            )
        if layout.block_column:
            rows.append(text(8, y + _GAP / 2 + layout.row / 2, cut(block, _BLOCK_LETTERS), "block"))
        for place, row in enumerate(layers):
            middle = y + _GAP / 2 + layout.row * (place + 0.5)
            path.append((panels[0].x(row.sqnr_db), middle + layout.marks_y))
            name = short_name(row, start)
            shown = name.removeprefix(block).lstrip("/") if layout.block_column else name
            rows.append(_row(row, shown, middle, layout, panels))
        y += height
    points = " ".join(f"{x:.1f},{middle:.1f}" for x, middle in path)
    drawn = "share of the noise, points back" + (", range utilisation" if len(panels) > _MARKED else "")
    return (
        f'<svg viewBox="0 0 {layout.width} {y + 4:g}" role="img" aria-label="Each layer from the image down '
        f'to the logits: SQNR, {drawn}">'
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


def _panels(found: Sensitivity, layout: _Layout) -> tuple[_Panel, ...]:
    rows = found.rows
    decibels = [min(row.sqnr_db, _HIGHEST_DB) for row in rows]
    shares = [100 * row.noise_share for row in rows]
    backs = [end for row in rows if (each := back(row)) is not None for end in (each.low, each.high)]
    brought = "Agreement" if rows[0].top1_back is None else "Top-1"
    scales = (ticks(decibels), ticks([0, *shares]), ticks([0, *backs]), (0.0, 50.0, 100.0))
    return tuple(
        _Panel(
            f"{brought} back" if title == "back" else title, unit, left, width, scale, _labelled(scale, width)
        )
        for (title, unit, left, width), scale in zip(layout.columns, scales, strict=False)
    )


def _labelled(scale: tuple[float, ...], width: float) -> tuple[float, ...]:
    """As many of the ticks as have room for their figures: all, or the ends and zero."""
    letters = max(len(_plain(tick)) for tick in scale)
    if (len(scale) - 1) * (letters + 1) * _LETTER <= width:
        return scale
    return tuple(tick for tick in scale if tick in {scale[0], 0.0, scale[-1]})


def _plain(value: float) -> str:
    return with_minus(f"{value:.4g}")


def _axis(panel: _Panel) -> str:
    return "".join(
        [
            text(panel.left, 14, panel.title, "title"),
            text(panel.left, 29, panel.unit, "unit"),
            *(text(panel.x(tick), 46, _plain(tick), "tick") for tick in panel.labelled),
        ]
    )


def _lines(panel: _Panel, bottom: float) -> str:
    return "".join(
        f'<line class="{"zero" if tick == 0 else "grid"}" x1="{panel.x(tick):.1f}" x2="{panel.x(tick):.1f}" '
        f'y1="{_HEAD - 2:g}" y2="{bottom:.1f}"/>'
        for tick in panel.ticks
    )


def _row(row: LayerSensitivity, name: str, middle: float, layout: _Layout, panels: tuple[_Panel, ...]) -> str:
    y = middle + layout.marks_y
    floating = text(panels[-1].left + 5, y, "in float", "tick start")
    return (
        f'<g class="row"><title>{escape(_tooltip(row))}</title>'
        f'<rect class="hit" x="0" y="{middle - layout.row / 2:.1f}" width="{layout.width}" '
        f'height="{layout.row}"/>'
        f"{text(layout.name_x, middle + layout.name_y, cut(name, layout.name_letters), 'name')}"
        f'<circle class="sqnr" cx="{panels[0].x(row.sqnr_db):.1f}" cy="{y:.1f}" r="3.5"/>'
        f"{floating if row.in_float else _marks(row, y, panels)}</g>"
    )


def _marks(row: LayerSensitivity, y: float, panels: tuple[_Panel, ...]) -> str:
    _, noise, points, *others = panels
    brought = back(row)
    gained = (
        ""
        if brought is None
        else f'<line class="whisker" x1="{points.x(brought.low):.1f}" x2="{points.x(brought.high):.1f}" '
        f'y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle class="back" cx="{points.x(brought.points):.1f}" cy="{y:.1f}" r="3.5"/>'
    )
    used = "".join(_bar(panel, row.range_utilisation * 100, y, "utilisation") for panel in others)
    return f"{_bar(noise, row.noise_share * 100, y, 'noise')}{gained}{used}"


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
