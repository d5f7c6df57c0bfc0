"""A page that shows which layers are to blame: one file, nothing beside it, made to be read and printed."""

from pathlib import Path

from micronet_edge.pipeline.sensitivity import FileSensitivity
from micronet_edge.quantization.sensitivity import LayerSensitivity, Sensitivity
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
from micronet_edge.util.output_files import write_text
from micronet_edge.util.safe_text import escape
from micronet_edge.util.text import plural

_STYLE = """
:root { --ink: #1d2530; --soft: #5d6878; --faint: #e4e8ee; --band: #f6f8fa;
  --blue: #2f6db3; --orange: #d8742a; --green: #23806a; --grey: #a9b3c1; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.2rem 1.5rem 3rem; max-width: 68rem; background: #fff; color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.25; font-weight: 650; letter-spacing: -.01em; }
h2 { margin: 2.4rem 0 .3rem; font-size: 1.15rem; font-weight: 650; }
p { margin: .3rem 0 .8rem; color: var(--soft); max-width: 52rem; }
p strong { color: var(--ink); font-weight: 600; }
.from { margin: .35rem 0 1.4rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1.1rem; }
.tiles div { flex: 1 1 9rem; padding: .65rem .9rem .7rem; border: 1px solid var(--faint);
  border-radius: 8px; }
.tiles dt { color: var(--soft); font-size: .82rem; }
.tiles dd { margin: 0; font-size: 1.45rem; font-weight: 600; line-height: 1.3; }
.tiles small { display: block; color: var(--soft); font-size: .78rem; font-weight: 400; }
figure { margin: .9rem 0 0; }
svg { display: block; width: 100%; height: auto; font: 12px/1 inherit; }
svg text { dominant-baseline: central; fill: var(--ink); font-size: 12px; }
svg .title { font-weight: 600; font-size: 12.5px; }
svg .unit, svg .tick { fill: var(--soft); font-size: 11px; }
svg .tick { text-anchor: middle; }
svg .start { text-anchor: start; }
svg .block { font-weight: 600; }
svg .name { fill: #3a4554; }
svg .band { fill: var(--band); }
svg .grid { stroke: #1d2530; stroke-opacity: .08; }
svg .zero { stroke: #1d2530; stroke-opacity: .3; }
svg .grid, svg .zero, svg polyline { pointer-events: none; }
svg .hit { fill: transparent; }
svg .row:hover .hit { fill: #2f6db3; fill-opacity: .1; }
svg polyline.sqnr { fill: none; stroke: var(--blue); stroke-width: 1.4; stroke-opacity: .45; }
svg circle.sqnr { fill: var(--blue); }
svg rect.noise { fill: var(--orange); }
svg rect.steps { fill: var(--grey); }
svg .whisker { stroke: var(--green); stroke-width: 1.6; stroke-opacity: .35; }
svg circle.back { fill: var(--green); }
table { width: 100%; border-collapse: collapse; font-size: .86rem; margin-top: .6rem; }
th { padding: .3rem .5rem; border-bottom: 1.5px solid var(--ink); text-align: right; font-weight: 600;
  vertical-align: bottom; line-height: 1.3; }
td { padding: .26rem .5rem; border-bottom: 1px solid var(--faint); text-align: right; white-space: nowrap; }
th:nth-child(2), td:nth-child(2) { text-align: left; }
td small { color: var(--soft); font-size: .92em; }
td.rank { color: var(--soft); }
td.share { background: linear-gradient(to left, #d8742a2e var(--part), transparent var(--part)); }
tbody tr:hover td { background-color: var(--band); }
@media print {
  @page { size: A4; margin: 12mm; }
  html { font-size: 9.5px; }
  body { padding: 0; max-width: none; font-size: 1rem; }
  h2 { margin-top: 1.4rem; break-after: avoid; }
  p { max-width: none; }
  svg { max-height: 205mm; }
  figure, tr, .tiles { break-inside: avoid; }
  table { font-size: .95rem; }
  .wide { overflow: visible; }
  .sorted { break-before: page; }
}
"""


def page(found: FileSensitivity) -> str:
    """The results as an HTML page."""
    name = escape(found.path.name)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}: which layers are to blame</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>Which layers of {name} are to blame?</h1>\n{_origin(found)}\n</header>\n"
        f"{_tiles(found)}\n{_worst(found.blame)}\n"
        "<section>\n<h2>Along the network</h2>\n"
        "<p>From the image at the top down to the logits. A fall of the blue line is where signal is lost; "
        "an orange bar is how much of the noise in the logits goes if this layer alone is not rounded.</p>\n"
        f"<figure>{plot(found.blame)}</figure>\n</section>\n"
        f'<section class="sorted">\n<h2>The layers by guilt</h2>\n{_table(found.blame)}\n</section>\n'
        f"<section>\n<h2>How to read it</h2>\n{_explained(found)}\n</section>\n</body>\n</html>\n"
    )


def _origin(found: FileSensitivity) -> str:
    of = found.blame
    calibration = f"{plural(of.calibration_images, 'image')} of {escape(found.calibration)}"
    texts = [
        f"<strong>{escape(found.metadata.precision)}</strong> of MicroNet {escape(found.metadata.variant)}",
        f"compared with <strong>{escape(found.checkpoint.name)}</strong> in float",
        f"outputs on {calibration}",
    ]
    if found.data is not None:
        texts.append(f"answers on {plural(of.measured_images, 'labelled image')} of {escape(found.data)}")
    notes = "".join(f"<br>Note: {escape(note)}" for note in found.notes)
    return f'<p class="from">{"; ".join(texts)}.{notes}</p>'


def _tiles(found: FileSensitivity) -> str:
    of = found.blame
    tiles = [("Same class as float", f"{of.agreement:.1%}", f"of {plural(of.measured_images, 'image')}")]
    if of.top1_float is not None and of.top1_quantized is not None:
        lost = signed(100 * (of.top1_quantized - of.top1_float))
        tiles = [
            ("Top-1 in float", f"{of.top1_float:.1%}", plural(of.measured_images, "labelled image")),
            (f"Top-1 in {found.metadata.precision}", f"{of.top1_quantized:.1%}", f"{lost} points"),
            *tiles,
        ]
    tiles.append(("Logits, signal to noise", f"{of.sqnr_db:.1f} dB", "what all classes share left out"))
    each = "".join(
        f"<div><dt>{escape(title)}</dt><dd>{escape(figure)}<small>{escape(under)}</small></dd></div>"
        for title, figure, under in tiles
    )
    return f'<dl class="tiles">{each}</dl>'


def _worst(of: Sensitivity) -> str:
    first, *others = of.by_sensitivity
    if first.noise_share <= 0:
        return "<p>No layer alone is to blame.</p>"
    start = left_out(of)
    named = " and ".join(f"<strong>{escape(short_name(row, start))}</strong>" for row in others[:2])
    return (
        f"<p><strong>{escape(short_name(first, start))}</strong> is to blame most: {first.noise_share:.0%} "
        f"of the noise in the logits goes if it alone is not rounded. Next are {named}.</p>"
    )


def _table(of: Sensitivity) -> str:
    what = "Agreement" if of.top1_float is None else "Top-1"
    heads = (
        "#",
        "layer",
        "place",
        "part of<br>the noise",
        f"{what} back,<br>points",
        "signal to<br>noise, dB",
        "range",
        "steps<br>in use",
        "values<br>cut off",
    )
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    most = max(of.by_sensitivity[0].noise_share, 1e-9)
    start = left_out(of)
    body = "\n".join(
        _line(rank, row, short_name(row, start), most) for rank, row in enumerate(of.by_sensitivity, 1)
    )
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    return f'<div class="wide">{table}</div>'


def _line(rank: int, row: LayerSensitivity, name: str, most: float) -> str:
    decibels = f"<td>{decibels_of(row)}</td>"
    named = f'<tr><td class="rank">{rank}</td><td>{escape(name)}</td><td>{row.position}</td>'
    if row.in_float:
        return f"{named}<td></td><td></td>{decibels}<td>in float</td><td></td><td></td></tr>"
    brought = back(row)
    part = max(0.0, 100 * row.noise_share / most)
    return (
        f'{named}<td class="share" style="--part: {part:.0f}%">{share_of_noise(row)}</td>'
        f"<td>{signed(brought.points)} <small>{signed(brought.low)} to {signed(brought.high)}</small></td>"
        f"{decibels}<td>{range_of(row)}</td><td>{row.range_utilisation:.0%}</td><td>{row.saturated:.2%}</td></tr>"
    )


def _explained(found: FileSensitivity) -> str:
    steps, start = f"{1 << found.blame.bits:,}", left_out(found.blame)
    names = f"Names are without <code>{escape(start)}</code>. " if start else ""
    return (
        "<p><strong>Part of the noise</strong> and <strong>what comes back</strong> are measured: the "
        "network runs with everything rounded but this layer, its weights and its results, and the layer "
        "hands its output on unrounded, as 16 bits all but do. The parts need not add up to 100 %, since one "
        "layer's error makes up for a part of another's; below zero, it makes up for more than it adds. The "
        "layers are sorted by noise, since an interval that spans zero may be chance.</p>\n"
        "<p><strong>Signal to noise</strong> compares the layer's output with that in float, all layers "
        "before it rounded: 6 dB are one bit. <strong>Range</strong> is what its integers can say, "
        f"<strong>steps in use</strong> how many of the {steps} occur, <strong>values cut off</strong> what "
        "lies beyond the range. Where few steps are in use, the range is too wide; where many values are cut "
        "off, too narrow.</p>\n"
        "<p><strong>image</strong> is the network's input, rounded like all else. The layers are those "
        "of the network as it is written; a clip, such as ReLU6, is part of the layer before it. "
        f"{names}A layer <strong>in float</strong> is so in this file: nothing is rounded there.</p>"
    )


def write_page(found: FileSensitivity, path: Path, *, overwrite: bool = False) -> None:
    """Writes the page.

    Raises OutputError where that is not possible, and on an existing file without `overwrite`.
    """
    write_text(page(found), path, overwrite=overwrite)
