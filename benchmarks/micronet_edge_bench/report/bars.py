"""Shared parts of bar charts: one scale from zero for all rows, with its axis above them.

Pictures fill their width, so positions are in per cent; names are text of the page, which can wrap.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from micronet_edge.reports.plotting import ticks
from micronet_edge.util.safe_text import escape

_NANOSECONDS = 1e6
_BEYOND = 1.02
_NEAR_THE_END = 0.97


@dataclass(frozen=True, slots=True)
class Scale:
    """Milliseconds from zero to `end`."""

    end: float

    def at(self, nanoseconds: float) -> str:
        """The position of a time."""
        return f"{100 * self.part(nanoseconds):.2f}%"

    def part(self, nanoseconds: float) -> float:
        """The position as a share of the scale."""
        return nanoseconds / _NANOSECONDS / self.end

    def ticks_ns(self) -> list[float]:
        """Round times for the axis."""
        return [tick * _NANOSECONDS for tick in ticks([0.0, self.end]) if tick <= self.end]

    def axis(self) -> str:
        """The row of figures above the bars."""
        words = "".join(
            f'<text class="{self._anchor(tick)}" x="{self.at(tick)}" y="8">{tick / _NANOSECONDS:g}</text>'
            for tick in self.ticks_ns()
        )
        return (
            '<div class="row axis"><span class="name"></span><span class="value">ms</span>'
            f'<svg height="16" aria-hidden="true">{words}</svg></div>'
        )

    def grid(self) -> str:
        """The grid lines behind a bar."""
        return "".join(
            f'<line class="{"grid" if tick else "zero"}" x1="{self.at(tick)}" x2="{self.at(tick)}" y1="0" '
            'y2="100%"/>'
            for tick in self.ticks_ns()
        )

    def _anchor(self, nanoseconds: float) -> str:
        if nanoseconds == 0:
            return "start"
        return "end" if self.part(nanoseconds) > _NEAR_THE_END else "tick"


def scale_for(times_ns: Iterable[float]) -> Scale:
    """A scale slightly longer than the longest time."""
    return Scale(max(times_ns) / _NANOSECONDS * _BEYOND)


def bar_row(name: str, value: str, description: str, scale: Scale, drawn: str, kind: str = "") -> str:
    """A row with a name, a picture and a figure.

    `description` is the picture's text alternative. `drawn` is the picture with its middle at height zero,
    since a wrapped name makes the row higher.
    """
    return (
        f'<div class="row {kind}"><span class="name">{escape(name)}</span>'
        f'<span class="value">{escape(value)}</span>'
        f'<svg height="26" role="img" aria-label="{escape(description)}">'
        f'{scale.grid()}<svg y="50%">{drawn}</svg></svg></div>'
    )
