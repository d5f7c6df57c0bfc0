"""Shows which classes were taken for which: as a heat map, or as a table for many classes."""

from dataclasses import dataclass
from math import sqrt

from micronet_edge.reports.plotting import cut, text
from micronet_edge.reports.tables import Column, table
from micronet_edge.training.events import Fitted
from micronet_edge.training.outcomes import Matrix, confusion_matrix, confusions
from micronet_edge.util.safe_text import escape
from micronet_edge.util.text import plural

MOST_DRAWN = 40
"""Largest number of classes of which a heat map is drawn."""

_PAIRS_SHOWN = 40
_MOST_WRITTEN = 24
"""Largest number of classes whose cells hold their counts."""
_NAME_LETTERS = 18
_UPRIGHT_LETTERS = 2
_LETTER = 6.4
_FAINTEST = 0.1

STYLE = """
.heat { overflow-x: auto; }
.heat svg { display: block; height: auto; }
.heat svg text { font-size: 11px; }
.heat svg .count { text-anchor: middle; fill: var(--ink); pointer-events: none; }
.heat svg .count.strong { fill: var(--on); }
.heat svg .name, .heat svg .axis { fill: var(--ink); }
.heat svg .axis { font-weight: 600; }
.heat svg .right { fill: var(--blue); } .heat svg .wrong { fill: var(--orange); }
.heat svg .frame { fill: none; stroke: var(--faint); }
.heat svg g:hover rect { stroke: var(--ink); }
@media print { .heat { overflow: visible; } }
"""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the cells lie: `side` pixels each, right of and below the names.

    `upright` names fit side by side above the columns.
    """

    side: float
    left: float
    top: float
    classes: int
    upright: bool

    @property
    def size(self) -> float:
        return self.side * self.classes


def confusion(fitted: Fitted) -> str:
    """The confusions as HTML; empty if nothing was confused and there are too many classes to draw."""
    labels = fitted.plan.dataset.labels
    if len(labels) <= MOST_DRAWN:
        return f'<figure class="heat">{_heat_map(confusion_matrix(fitted), labels)}</figure>'
    return _table(fitted)


def explained(classes: int) -> str:
    """What the section's reader needs to know."""
    if classes > MOST_DRAWN:
        return "The pairs of classes that were confused most often."
    return (
        "Rows are the true classes, columns the predicted ones. Blue cells are right, orange ones wrong; the "
        "stronger the colour, the larger the share of the row."
    )


def _table(fitted: Fitted) -> str:
    found = confusions(fitted, _PAIRS_SHOWN)
    if not found:
        return ""
    columns = (
        Column("true class", words=True),
        Column("predicted class", words=True),
        Column("images"),
        Column("share of the true class"),
    )
    rows = [
        [escape(each.label), escape(each.taken_for), f"{each.images:,}", f"{each.share:.1%}"]
        for each in found
    ]
    return table(columns, [("", rows)])


def _heat_map(matrix: Matrix, labels: tuple[str, ...]) -> str:
    side = max(17.0, min(44.0, 620 / len(labels)))
    longest = max(map(len, labels))
    room, upright = 14 + _LETTER * min(longest, _NAME_LETTERS), longest <= _UPRIGHT_LETTERS
    layout = _Layout(side, room + 18, 30.0 if upright else room + 18, len(labels), upright)
    width, height = layout.left + layout.size + 4, layout.top + layout.size + 4
    width = max(width, 330.0)
    parts = [
        *(_names(label, number, layout) for number, label in enumerate(labels)),
        *(
            _cell(matrix, labels, row, column, layout)
            for row in range(len(labels))
            for column in range(len(labels))
            if matrix[row, column]
        ),
    ]
    frame = (
        f'<rect class="frame" x="{layout.left:.1f}" y="{layout.top:.1f}" width="{layout.size:.1f}" '
        f'height="{layout.size:.1f}"/>'
    )
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="Confusion matrix of {len(labels)} classes">{frame}{"".join(parts)}</svg>'
    )


def _names(label: str, number: int, layout: _Layout) -> str:
    along = layout.side * (number + 0.5)
    name = cut(label, _NAME_LETTERS)
    x, y = layout.left + along, layout.top - 7
    above = f'<g transform="rotate(-90 {x:.1f} {y:.1f})">{text(x, y, name, "name start")}</g>'
    if layout.upright:
        above = text(x, y - 4, name, "name middle")
    left = text(layout.left - 7, layout.top + along, name, "name end")
    return f"<g><title>{escape(label)}</title>{left}{above}</g>"


def _cell(matrix: Matrix, labels: tuple[str, ...], row: int, column: int, layout: _Layout) -> str:
    images, of = int(matrix[row, column]), int(matrix[row].sum())
    share, kind = images / of, "right" if row == column else "wrong"
    x, y = layout.left + column * layout.side, layout.top + row * layout.side
    opacity = _FAINTEST + (1 - _FAINTEST) * sqrt(share)
    told = (
        f"{labels[row]}: {plural(images, 'image')} of {of:,} right ({share:.1%})"
        if row == column
        else f"{labels[row]} taken for {labels[column]}: {plural(images, 'image')} of {of:,} ({share:.1%})"
    )
    strong = " strong" if opacity > 0.6 else ""  # noqa: PLR2004 - where ink on colour stops being legible
    count = text(x + layout.side / 2, y + layout.side / 2, str(images), f"count{strong}")
    return (
        f'<g><title>{escape(told)}</title><rect class="{kind}" x="{x:.1f}" y="{y:.1f}" '
        f'width="{layout.side:.1f}" height="{layout.side:.1f}" fill-opacity="{opacity:.2f}"/>'
        f"{count if layout.classes <= _MOST_WRITTEN else ''}</g>"
    )
