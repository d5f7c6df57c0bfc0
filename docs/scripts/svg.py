"""Draws boxes, arrows and text as one self-contained SVG file, light and dark."""

from html import escape

_STYLE = """
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1b2430;
  text-anchor: middle; dominant-baseline: central; }
.soft { fill: #5a6675; } .small { font-size: 11px; } .strong { font-weight: 650; }
.left { text-anchor: start; }
.right { text-anchor: end; } .mono { font-family: "DejaVu Sans Mono", monospace; font-size: 12px; }
.box { fill: #1b243008; stroke: #1b243055; } .mine { fill: #2f6db322; stroke: #2f6db3; }
.hot { fill: #d1691f22; stroke: #d1691f; } .good { fill: #2e8b5722; stroke: #2e8b57; }
.none { fill: none; stroke: #1b243030; } .fillmine { fill: #2f6db3; } .fillhot { fill: #d1691f; }
.fillgood { fill: #2e8b57; } .fillsoft { fill: #8d98a7; }
line, path { stroke: #5a6675; stroke-width: 1.4; fill: none; } .grid { stroke: #1b243022; stroke-width: 1; }
.whisker { stroke-width: 2; } .one { stroke: #1b2430; } .head { fill: #5a6675; stroke: none; }
.linehot { stroke: #d1691f; } .linemine { stroke: #2f6db3; }
@media (prefers-color-scheme: dark) {
text { fill: #e4e9f0; } .soft { fill: #9ba7b6; } .box { fill: #e4e9f00c; stroke: #e4e9f055; }
.mine { fill: #6aa6ea22; stroke: #6aa6ea; } .hot { fill: #ee965a22; stroke: #ee965a; }
.good { fill: #5fc48c22; stroke: #5fc48c; } .none { stroke: #e4e9f030; }
.fillmine { fill: #6aa6ea; } .fillhot { fill: #ee965a; } .fillgood { fill: #5fc48c; }
.fillsoft { fill: #7c8796; }
line, path { stroke: #9ba7b6; } .grid { stroke: #e4e9f022; } .one { stroke: #e4e9f0; }
.head { fill: #9ba7b6; }
.linehot { stroke: #ee965a; } .linemine { stroke: #6aa6ea; } }
"""
_LINE = 17
_HEAD = 5


class Drawing:
    """A picture of a given size; things are drawn in the order of the calls."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self._size, self._title = (width, height), title
        self._parts: list[str] = []

    def text(self, x: float, y: float, words: str, kind: str = "") -> None:
        """A line of text around its middle; `kind` are classes of the style."""
        self._parts.append(f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>')

    def lines(self, x: float, y: float, words: list[str], kind: str = "soft small") -> None:
        """Lines of text under each other; the first one is drawn as a heading."""
        top = y - (len(words) - 1) * _LINE / 2
        for number, line in enumerate(words):
            self.text(x, top + number * _LINE, line, kind if number else "strong")

    def rect(
        self, x: float, y: float, size: tuple[float, float], kind: str = "box", radius: float = 6
    ) -> None:
        """A rectangle by its upper left corner and its size."""
        sides = f'width="{size[0]:g}" height="{size[1]:g}" rx="{radius:g}"'
        self._parts.append(f'<rect class="{kind}" x="{x:g}" y="{y:g}" {sides}/>')

    def box(self, x: float, y: float, size: tuple[float, float], words: list[str], kind: str = "box") -> None:
        """A rectangle with a heading and lines in its middle."""
        self.rect(x, y, size, kind)
        self.lines(x + size[0] / 2, y + size[1] / 2, words)

    def line(self, start: tuple[float, float], end: tuple[float, float], kind: str = "") -> None:
        """A straight line."""
        (x1, y1), (x2, y2) = start, end
        self._parts.append(f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>')

    def path(self, steps: str, kind: str = "") -> None:
        """A path, in SVG's own letters."""
        self._parts.append(f'<path class="{kind}" d="{steps}"/>')

    def arrow(self, start: tuple[float, float], end: tuple[float, float], kind: str = "") -> None:
        """A line with a head; straight along an axis."""
        self.line(start, end, kind)
        self.head(end, (end[0] - start[0], end[1] - start[1]))

    def head(self, at: tuple[float, float], towards: tuple[float, float]) -> None:
        """The head of an arrow that ends at a point."""
        length = (towards[0] ** 2 + towards[1] ** 2) ** 0.5
        ux, uy = towards[0] / length * _HEAD, towards[1] / length * _HEAD
        x, y = at
        points = (
            f"{x:g},{y:g} {x - 2 * ux - uy:g},{y - 2 * uy + ux:g} {x - 2 * ux + uy:g},{y - 2 * uy - ux:g}"
        )
        self._parts.append(f'<polygon class="head" points="{points}"/>')

    def dot(self, x: float, y: float, kind: str) -> None:
        """A point of a plot."""
        self._parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')

    def svg(self) -> str:
        """The file's text."""
        width, height = self._size
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img"><title>{escape(self._title)}</title><style>{_STYLE}</style>'
            f"{''.join(self._parts)}</svg>\n"
        )
