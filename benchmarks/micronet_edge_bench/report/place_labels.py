"""Places the labels of points and lines without overlap."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from micronet_edge.reports.plotting import text

_LETTER, _LINE, _GAP, _MARK = 6.4, 14.0, 9.0, 6.0
_NEIGHBOURHOOD = 70.0
_PARTS = (1.0, 0.9, 0.8, 0.65, 0.5, 0.3, 0.1)
"""Positions of a label along a line, best first."""

Point = tuple[float, float]
Segment = tuple[Point, Point]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, by its upper left corner and size."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: "Box") -> bool:
        """Whether the two overlap."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def holds(self, other: "Box") -> bool:
        """Whether the other lies inside."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.x + other.width <= self.x + self.width
            and other.y + other.height <= self.y + self.height
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """A label and its place."""

    svg: str
    box: Box


def around(point: Point) -> Box:
    """The box of a point's mark."""
    return Box(point[0] - _MARK, point[1] - _MARK, 2 * _MARK, 2 * _MARK)


def beside_points(
    points: Sequence[Point], names: Sequence[str], taken: Sequence[Box], frame: Box
) -> Iterator[Placed]:
    """A label for each point that has room: on its right, left, above or below.

    Given    the points and their names; other occupied boxes; the frame for the labels
    Result   the labels, except those without room and those whose name already appears nearby
    """
    boxes = [*taken, *map(around, points)]
    labelled: list[tuple[str, Point]] = []
    for point, name in zip(points, names, strict=True):
        if any(other == name and _near(point, place) for other, place in labelled):
            continue
        placed = _first_free(_beside(*point, name), boxes, frame)
        if placed is not None:
            boxes.append(placed.box)
            labelled.append((name, point))
            yield placed


class Line(Protocol):
    """A line that rises to the right, and its label; `kind` is the CSS class of the label."""

    @property
    def words(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def segment(self) -> Segment: ...


def along_lines(lines: Sequence[Line], taken: Sequence[Box], frame: Box) -> Iterator[Placed]:
    """A label for each line that has room, near its upper end, above or below it."""
    boxes = list(taken)
    for line in lines:
        placed = _first_free(_along(line), boxes, frame)
        if placed is not None:
            boxes.append(placed.box)
            yield placed


def _along(line: Line) -> Iterator[Placed]:
    (x1, y1), (x2, y2) = line.segment
    length = _LETTER * len(line.words)
    for part in _PARTS:
        x, y = x1 + part * (x2 - x1), y1 + part * (y2 - y1)
        for anchor, at, left, middle in (
            ("end", x - 4, x - 4 - length, y - _GAP),
            ("start", x + 8, x + 8, y + _GAP),
        ):
            box = Box(left, middle - _LINE / 2, length, _LINE)
            yield Placed(text(at, middle, line.words, f"{line.kind} {anchor}"), box)


def _first_free(candidates: Iterable[Placed], taken: Sequence[Box], frame: Box) -> Placed | None:
    for placed in candidates:
        if frame.holds(placed.box) and not any(placed.box.meets(box) for box in taken):
            return placed
    return None


def _near(one: Point, other: Point) -> bool:
    return abs(one[0] - other[0]) < _NEIGHBOURHOOD and abs(one[1] - other[1]) < _NEIGHBOURHOOD


def _beside(x: float, y: float, name: str) -> Iterator[Placed]:
    length = _LETTER * len(name)
    places = (
        ("start", x + _GAP, y, x + _GAP),
        ("end", x - _GAP, y, x - _GAP - length),
        ("middle", x, y - _GAP - _LINE / 2, x - length / 2),
        ("middle", x, y + _GAP + _LINE / 2, x - length / 2),
    )
    for anchor, at, middle, left in places:
        box = Box(left, middle - _LINE / 2, length, _LINE)
        yield Placed(text(at, middle, name, f"label {anchor}"), box)
