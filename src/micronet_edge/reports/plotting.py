"""Helpers for plots: ticks of an axis, escaped text, shortened names."""

from collections.abc import Sequence
from math import ceil, floor, log10

from micronet_edge.util.safe_text import escape

_MOST_TICKS = 4


def ticks(values: Sequence[float]) -> tuple[float, ...]:
    """Evenly spaced round numbers that enclose all values."""
    low, high = min(values), max(values)
    rough = max((high - low) / _MOST_TICKS, 1e-3)
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = floor(low / step), max(ceil(high / step), floor(low / step) + 1)
    return tuple(number * step for number in range(first, last + 1))


def text(x: float, y: float, words: str, kind: str) -> str:
    """Escaped text of an SVG picture; `kind` is its CSS class."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def cut(name: str, letters: int) -> str:
    """A name shortened to `letters`; the tooltip should show the full name."""
    return name if len(name) <= letters else name[: letters - 1] + "\N{HORIZONTAL ELLIPSIS}"


def with_minus(figure: str) -> str:
    """A figure with a minus sign instead of a hyphen, as wide as the plus sign."""
    return figure.replace("-", "\N{MINUS SIGN}")
