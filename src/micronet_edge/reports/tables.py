"""Tables that turn each row into a card on a narrow page."""

from collections.abc import Sequence
from dataclasses import dataclass

from micronet_edge.util.safe_text import escape


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; figures align right, text aligns left.

    On a narrow page, text and `wide` figures take a line of their own.
    """

    heading: str
    words: bool = False
    wide: bool = False


Group = tuple[str, Sequence[Sequence[str]]]
"""A heading, empty for none, and rows of HTML cells."""


def table(columns: Sequence[Column], groups: Sequence[Group]) -> str:
    """An HTML table whose first column names the row."""
    heads = "".join(f'<th scope="col"{_kind(column)}>{escape(column.heading)}</th>' for column in columns)
    bodies = "".join(_group(columns, heading, rows) for heading, rows in groups)
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n{bodies}</table>"


def _group(columns: Sequence[Column], heading: str, rows: Sequence[Sequence[str]]) -> str:
    head = f'<tr class="group"><th colspan="{len(columns)}" scope="rowgroup">{heading}</th></tr>\n'
    lines = "".join(_row(columns, cells) for cells in rows)
    return f"<tbody>\n{head if heading else ''}{lines}</tbody>\n"


def _row(columns: Sequence[Column], cells: Sequence[str]) -> str:
    first, *others = cells
    rest = "".join(
        f'<td{_kind(column)} data-label="{escape(column.heading)}">{cell}</td>'
        for column, cell in zip(columns[1:], others, strict=True)
    )
    return f'<tr><th scope="row">{first}</th>{rest}</tr>\n'


def _kind(column: Column) -> str:
    if column.words:
        return ' class="words"'
    return ' class="wide"' if column.wide else ""
