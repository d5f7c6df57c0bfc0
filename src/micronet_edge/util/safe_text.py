r"""Makes external text safe to show: names of files, labels, metadata, results of others.

A terminal executes escape sequences, a page renders markup, and both reverse text at invisible marks.
Such characters are shown as Python escapes, such as \x1b.
"""

import html
from unicodedata import category

_OBEYED = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: control characters, surrogates, separators of lines and paragraphs."""

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that change the text direction, or are invisible."""


def visible(text: str, *, keep: str = "") -> str:
    """The text with every control character escaped, except those in `keep`."""
    if text.isprintable():
        return text
    return "".join(each if each in keep or not _is_obeyed(each) else _decomposed(each) for each in text)


def escape(text: str) -> str:
    """The text escaped for HTML and SVG, between tags or in quotes."""
    return html.escape(visible(text, keep="\n"))


def _is_obeyed(character: str) -> bool:
    return category(character) in _OBEYED or character in _TURNS


def _decomposed(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
