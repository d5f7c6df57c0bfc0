"""Draws how a training run went, epoch by epoch: loss, accuracy and learning rate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from micronet_edge.reports.plotting import text, ticks
from micronet_edge.training.events import Epoch
from micronet_edge.util.safe_text import escape

_WIDTH, _HEIGHT = 340, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 330, 52, 206
_HIGHEST_TICKS = 5
_TOP1 = "Top-1 on the validation images, %"

STYLE = """
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(17.5rem, 1fr)); gap: 1rem 1.4rem; }
.curves svg { display: block; width: 100%; height: auto; }
.curves svg text { font-size: 12px; }
.curves svg .title { fill: var(--ink); font-weight: 600; font-size: 13px; }
.curves svg polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round; pointer-events: none; }
.curves svg circle { pointer-events: none; }
.curves svg .best { stroke: var(--green); stroke-dasharray: 3 3; }
.curves svg .hit { fill: transparent; }
.curves svg .hit:hover { fill: var(--blue); fill-opacity: .12; }
.curves svg polyline.blue, .curves svg line.blue { stroke: var(--blue); }
.curves svg polyline.orange, .curves svg line.orange { stroke: var(--orange); }
.curves svg polyline.grey, .curves svg line.grey { stroke: var(--grey); }
.curves svg line.blue, .curves svg line.orange, .curves svg line.grey { stroke-width: 3; }
.curves svg circle.blue { fill: var(--blue); } .curves svg circle.orange { fill: var(--orange); }
.curves svg circle.grey { fill: var(--grey); }
"""


@dataclass(frozen=True, slots=True)
class _Curve:
    name: str
    colour: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Panel:
    """A plot of curves over the epochs; `format_value` writes a value in words."""

    title: str
    curves: tuple[_Curve, ...]
    epochs: tuple[int, ...]
    best: int
    ticks: tuple[float, ...]
    format_value: Callable[[float], str]

    def x(self, epoch: float) -> float:
        first, last = self.epochs[0], self.epochs[-1]
        return _LEFT + (epoch - first) / max(last - first, 1) * (_RIGHT - _LEFT)

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return _BOTTOM - (min(max(value, low), high) - low) / (high - low) * (_BOTTOM - _TOP)


def curves(history: Sequence[Epoch], best: int) -> str:
    """Three self-contained SVG pictures; `best` is the epoch of the checkpoint."""
    panels = (_losses(history, best), _accuracies(history, best), _rates(history, best))
    return f'<figure class="curves">{"".join(_picture(panel) for panel in panels)}</figure>'


def _losses(history: Sequence[Epoch], best: int) -> _Panel:
    drawn = (
        _Curve("training", "blue", tuple(each.loss for each in history)),
        _Curve("validation", "orange", tuple(each.validation_loss for each in history)),
    )
    return _panel("Loss", drawn, history, best, "{:.3g}")


def _accuracies(history: Sequence[Epoch], best: int) -> _Panel:
    averaged = tuple(100 * each.top1 for each in history)
    raw = tuple(100 * each.raw_top1 for each in history)
    drawn: tuple[_Curve, ...] = (
        _Curve("raw weights", "grey", raw),
        _Curve("averaged weights", "blue", averaged),
    )
    if averaged == raw:
        drawn = (_Curve("the weights", "blue", averaged),)
    return _panel(_TOP1, drawn, history, best, "{:.4g}")


def _rates(history: Sequence[Epoch], best: int) -> _Panel:
    rates = _Curve("at the last step of an epoch", "blue", tuple(each.lr for each in history))
    return _panel("Learning rate", (rates,), history, best, "{:.3g}")


def _panel(title: str, drawn: tuple[_Curve, ...], history: Sequence[Epoch], best: int, form: str) -> _Panel:
    values = [value for curve in drawn for value in curve.values if isfinite(value)] or [0.0]
    epochs = tuple(each.epoch for each in history)
    if title != _TOP1:
        values.append(0.0)
    return _Panel(title, drawn, epochs, best, _ticks(values), form.format)


def _ticks(values: Sequence[float]) -> tuple[float, ...]:
    """Round numbers that enclose the values, which may be tiny, as learning rates are."""
    most = max(map(abs, values))
    unit = 1.0
    while 0 < most * unit < 1:
        unit *= 10
    return tuple(each / unit for each in ticks([value * unit for value in values]))


def _picture(panel: _Panel) -> str:
    name = f"{panel.title}, epochs {panel.epochs[0]} to {panel.epochs[-1]}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(name)}">'
        f"{text(0, 10, panel.title, 'title')}{_legend(panel)}{_axes(panel)}"
        f"{''.join(_line(panel, curve) for curve in panel.curves)}{_hits(panel)}</svg>"
    )


def _legend(panel: _Panel) -> str:
    if len(panel.curves) == 1:
        return text(0, 30, panel.curves[0].name, "start") if panel.curves[0].name[:2] == "at" else ""
    parts, x = [], 0
    for curve in panel.curves:
        parts.append(f'<line class="{curve.colour}" x1="{x}" x2="{x + 14}" y1="30" y2="30"/>')
        parts.append(text(x + 19, 30, curve.name, "start"))
        x += 34 + 7 * len(curve.name)
    return "".join(parts)


def _axes(panel: _Panel) -> str:
    lines = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{panel.y(tick):.1f}" y2="{panel.y(tick):.1f}"/>'
        f"{text(_LEFT - 6, panel.y(tick), f'{tick:.4g}', 'end')}"
        for tick in panel.ticks
    )
    place = f"{panel.x(panel.best):.1f}"
    best = f'<line class="best" x1="{place}" x2="{place}" y1="{_TOP}" y2="{_BOTTOM}"/>'
    numbers = "".join(text(panel.x(epoch), _BOTTOM + 16, str(epoch), "tick") for epoch in _marked(panel))
    return f"{lines}{best}{numbers}"


def _marked(panel: _Panel) -> list[int]:
    """The epochs that the axis names: the first, the last, and round ones between them."""
    first, last = panel.epochs[0], panel.epochs[-1]
    apart = max(1, round((last - first) / _HIGHEST_TICKS))
    magnitude = 10 ** (len(str(apart)) - 1)
    apart = max(1, round(apart / magnitude) * magnitude)
    inner = [each for each in range(0, last, apart) if first + apart / 2 < each < last - apart / 2]
    return list(dict.fromkeys([first, *inner, last]))


def _line(panel: _Panel, curve: _Curve) -> str:
    points = [
        (panel.x(epoch), panel.y(value))
        for epoch, value in zip(panel.epochs, curve.values, strict=True)
        if isfinite(value)
    ]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    best = next(
        (
            f'<circle class="{curve.colour}" cx="{panel.x(epoch):.1f}" cy="{panel.y(value):.1f}" r="3.2"/>'
            for epoch, value in zip(panel.epochs, curve.values, strict=True)
            if epoch == panel.best and isfinite(value)
        ),
        "",
    )
    return f'<polyline class="{curve.colour}" points="{joined}"/>{best}'


def _hits(panel: _Panel) -> str:
    """A stripe for each epoch that shows its values when pointed at."""
    width = (_RIGHT - _LEFT) / max(len(panel.epochs) - 1, 1)
    return "".join(
        f'<rect class="hit" x="{panel.x(epoch) - width / 2:.1f}" y="{_TOP}" width="{width:.1f}" '
        f'height="{_BOTTOM - _TOP}"><title>{escape(_tooltip(panel, number))}</title></rect>'
        for number, epoch in enumerate(panel.epochs)
    )


def _tooltip(panel: _Panel, number: int) -> str:
    epoch = panel.epochs[number]
    values = (f"{curve.name} {panel.format_value(curve.values[number])}" for curve in panel.curves)
    best = " (the checkpoint)" if epoch == panel.best else ""
    return f"epoch {epoch}{best}: {', '.join(values)}"
