"""The page of the sensitivity analysis: one self-contained file for screen and print."""

from pathlib import Path

from micronet_edge.pipeline.sensitivity import FileSensitivity
from micronet_edge.quantization.sensitivity import LayerSensitivity, Sensitivity
from micronet_edge.reports.document import document, section
from micronet_edge.reports.sensitivity_plot import (
    back,
    decibels_of,
    left_out,
    plot,
    range_of,
    share_of_noise,
    short_name,
    signed,
)
from micronet_edge.reports.tables import Column, table
from micronet_edge.util.output_files import write_text
from micronet_edge.util.safe_text import escape
from micronet_edge.util.text import plural

_STYLE = """
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1.1rem; }
.tiles div { flex: 1 1 9rem; padding: .65rem .9rem .7rem; border: 1px solid var(--faint);
  border-radius: 8px; }
.tiles dt { color: var(--soft); font-size: .82rem; }
.tiles dd { margin: 0; font-size: 1.45rem; font-weight: 600; line-height: 1.3; }
.tiles small { display: block; font-size: .78rem; }
td { white-space: nowrap; }
tbody th { min-width: 14rem; }
.along svg { display: block; width: 100%; height: auto; }
svg .title, svg .block { fill: var(--ink); font-weight: 600; font-size: 12.5px; }
svg .name { fill: var(--ink); font-size: 12px; }
svg .unit { text-anchor: start; }
svg .tick.start { text-anchor: start; }
svg .band { fill: var(--band); }
svg .grid, svg .zero, svg polyline { pointer-events: none; }
svg .hit { fill: transparent; }
svg .row:hover .hit { fill: var(--blue); fill-opacity: .1; }
svg polyline.sqnr { fill: none; stroke: var(--blue); stroke-width: 1.4; stroke-opacity: .45; }
svg circle.sqnr { fill: var(--blue); }
svg rect.noise { fill: var(--orange); }
svg rect.utilisation { fill: var(--grey); }
svg .whisker { stroke: var(--green); stroke-width: 1.6; stroke-opacity: .35; }
svg circle.back { fill: var(--green); }
@media print { .along svg { max-height: 205mm; } }
"""


def page(found: FileSensitivity) -> str:
    """The results as an HTML page."""
    of = found.analysis
    sections = [
        section("Along the network", _ALONG, f'<figure class="along">{plot(of)}</figure>'),
        section("The layers by sensitivity", "", _table(of)),
        section("How to read this page", "", _explained(found)),
    ]
    header = f"{_origin(found)}\n{_tiles(found)}\n{_worst(of)}"
    return document(f"Which layers of {found.path.name} lose accuracy?", _STYLE, header, "".join(sections))


_ALONG = (
    "From the image at the top to the logits at the bottom. A falling blue line means loss of signal. An "
    "orange bar is the share of the noise in the logits that disappears if only this layer stays in float."
)


def _origin(found: FileSensitivity) -> str:
    of = found.analysis
    calibration = f"{plural(of.calibration_images, 'image')} of {escape(found.calibration)}"
    texts = [
        f"<strong>{escape(found.metadata.precision)}</strong> of MicroNet {escape(found.metadata.variant)}",
        f"compared with <strong>{escape(found.checkpoint.name)}</strong> in float",
        f"layer outputs measured on {calibration}",
    ]
    if found.data is not None:
        texts.append(f"predictions on {plural(of.measured_images, 'labelled image')} of {escape(found.data)}")
    notes = "".join(f"<br>Note: {escape(note)}" for note in found.notes)
    return f'<p class="from">{"; ".join(texts)}.{notes}</p>'


def _tiles(found: FileSensitivity) -> str:
    of = found.analysis
    if of.agreement is None:
        tile = ("SQNR of the outputs", f"{of.sqnr_db:.1f} dB", f"on {plural(of.measured_images, 'sample')}")
        return _list_of([tile])
    tiles = [("Same class as float", f"{of.agreement:.1%}", f"of {plural(of.measured_images, 'image')}")]
    if of.top1_float is not None and of.top1_quantized is not None:
        lost = signed(100 * (of.top1_quantized - of.top1_float))
        tiles = [
            ("Top-1 in float", f"{of.top1_float:.1%}", plural(of.measured_images, "labelled image")),
            (f"Top-1 in {found.metadata.precision}", f"{of.top1_quantized:.1%}", f"{lost} points"),
            *tiles,
        ]
    tiles.append(("SQNR of the logits", f"{of.sqnr_db:.1f} dB", "without the mean over the classes"))
    return _list_of(tiles)


def _list_of(tiles: list[tuple[str, str, str]]) -> str:
    each = "".join(
        f"<div><dt>{escape(title)}</dt><dd>{escape(figure)}<small>{escape(under)}</small></dd></div>"
        for title, figure, under in tiles
    )
    return f'<dl class="tiles">{each}</dl>'


def _worst(of: Sensitivity) -> str:
    first, *others = of.by_sensitivity
    if first.noise_share <= 0:
        return "<p>No single layer accounts for the loss.</p>"
    start = left_out(of)
    named = " and ".join(f"<strong>{escape(short_name(row, start))}</strong>" for row in others[:2])
    return (
        f"<p><strong>{escape(short_name(first, start))}</strong> is the most sensitive layer: "
        f"{first.noise_share:.0%} of the noise in the logits disappears if only it stays in float. "
        f"Next are {named}.</p>"
    )


def _table(of: Sensitivity) -> str:
    what = "Agreement" if of.top1_float is None else "Top-1"
    columns = (
        Column("layer", words=True),
        Column("place", wide=True),
        Column("share of the noise", wide=True),
        Column(f"{what} back, points", wide=True),
        Column("SQNR, dB", wide=True),
        Column("range", wide=True),
        Column("range utilisation"),
        Column("values clipped"),
    )
    start = left_out(of)
    lines = [_line(row, short_name(row, start)) for row in of.by_sensitivity]
    return table(columns, [("", lines)])


def _line(row: LayerSensitivity, name: str) -> list[str]:
    start = [escape(name), str(row.position)]
    if row.in_float:
        return [*start, "", "", decibels_of(row), "in float", "", ""]
    brought = back(row)
    points = (
        ""
        if brought is None
        else f"{signed(brought.points)} <small>{signed(brought.low)} to {signed(brought.high)}</small>"
    )
    return [
        *start,
        share_of_noise(row),
        points,
        decibels_of(row),
        range_of(row),
        f"{row.range_utilisation:.0%}",
        f"{row.saturated:.2%}",
    ]


def _explained(found: FileSensitivity) -> str:
    levels, start = f"{1 << found.analysis.bits:,}", left_out(found.analysis)
    names = f"Names are without <code>{escape(start)}</code>. " if start else ""
    return (
        "<p><strong>Share of the noise</strong> and <strong>points back</strong> are measured: the "
        "network runs with everything quantized except this layer, its weights and its output. The shares "
        "need not add up to 100 %, since the error of one layer can cancel that of another; a negative share "
        "cancels more than it adds. The layers are sorted by noise, since an interval that spans zero may be "
        "chance.</p>\n"
        "<p><strong>SQNR</strong>, the signal-to-quantization-noise ratio, compares the output of the layer "
        "with float, with all layers before it quantized: 6 dB are one bit. <strong>Range</strong> is what "
        f"its integers can represent. <strong>Range utilisation</strong> is the share of the {levels} levels "
        "that occur. <strong>Values clipped</strong> is the share outside the range. Low utilisation means "
        "that the range is too wide; many clipped values mean that it is too narrow.</p>\n"
        "<p><strong>image</strong> is the quantized input of the network. The layers are those of the "
        "file; a clip, such as ReLU6, belongs to the layer before it. "
        f"{names}A layer <strong>in float</strong> is not quantized in this file.</p>"
    )


def write_page(found: FileSensitivity, path: Path, *, overwrite: bool = False) -> None:
    """Writes the page.

    Raises OutputError if that fails, and on an existing file without `overwrite`.
    """
    write_text(page(found), path, overwrite=overwrite)
