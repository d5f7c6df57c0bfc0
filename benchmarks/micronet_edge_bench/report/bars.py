"""What the bars have in common: one scale from zero for all rows, told once above them.

The pictures are as wide as their place, so places along them are in per cent; names stand beside them as
text of the page, which can break where it is long.
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
        """How far along a time lies."""
        return f"{100 * self.part(nanoseconds):.2f}%"

    def part(self, nanoseconds: float) -> float:
        """The same as a share of the scale."""
        return nanoseconds / _NANOSECONDS / self.end

    def ticks_ns(self) -> list[float]:
        """Round times."""
        return [tick * _NANOSECONDS for tick in ticks([0.0, self.end]) if tick <= self.end]

    def axis(self) -> str:
        """The figures above the bars, as a row of its own."""
        words = "".join(
            f'<text class="{self._anchor(tick)}" x="{self.at(tick)}" y="8">{tick / _NANOSECONDS:g}</text>'
            for tick in self.ticks_ns()
        )
        return (
            '<div class="row axis"><span class="name"></span><span class="value">ms</span>'
            f'<svg height="16" aria-hidden="true">{words}</svg></div>'
        )

    def grid(self) -> str:
        """The lines behind a bar."""
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
    """A little longer than the longest."""
    return Scale(max(times_ns) / _NANOSECONDS * _BEYOND)


def bar_row(name: str, value: str, told: str, scale: Scale, drawn: str, kind: str = "") -> str:
    """A name, a picture and a figure.

    `told` is the picture in words; `drawn` is it with its middle at a height of zero, since a name that
    breaks into lines makes the row higher.
    """
    return (
        f'<div class="row {kind}"><span class="name">{escape(name)}</span>'
        f'<span class="value">{escape(value)}</span><svg height="26" role="img" aria-label="{escape(told)}">'
        f'{scale.grid()}<svg y="50%">{drawn}</svg></svg></div>'
    )
