"""What plots have in common: round numbers along an axis, text that is safe in a page, and its length."""

from collections.abc import Sequence
from math import ceil, floor, log10

from micronet_edge.util.safe_text import escape

_MOST_TICKS = 4


def ticks(values: Sequence[float]) -> tuple[float, ...]:
    """Round numbers at even distances, around all values."""
    low, high = min(values), max(values)
    rough = max((high - low) / _MOST_TICKS, 1e-3)
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = floor(low / step), max(ceil(high / step), floor(low / step) + 1)
    return tuple(number * step for number in range(first, last + 1))


def text(x: float, y: float, words: str, kind: str) -> str:
    """Words of an SVG picture, whatever they hold; `kind` is their class."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def cut(name: str, letters: int) -> str:
    """A long name with its end left out; the whole one should show where the pointer rests."""
    return name if len(name) <= letters else name[: letters - 1] + "\N{HORIZONTAL ELLIPSIS}"


def with_minus(figure: str) -> str:
    """A figure with a minus as wide as the plus, in the place of a hyphen."""
    return figure.replace("-", "\N{MINUS SIGN}")
