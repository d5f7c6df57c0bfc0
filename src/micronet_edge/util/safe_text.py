r"""Texts from outside, made safe to show: names of files, labels, metadata, results of others.

A terminal obeys escape sequences, a page its own markup, and both turn lines round at marks that nobody
sees. What would be obeyed is shown as the escape that Python writes for it, such as \x1b.
"""

import html
from unicodedata import category

_OBEYED = {"Cc", "Cs", "Zl", "Zp"}
"""Control characters, halves of a character that no encoding holds, separators of lines and paragraphs."""

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the direction of what follows, or show nothing."""


def visible(text: str, *, keep: str = "") -> str:
    """The text with every character that a terminal or a page obeys decomposed, but for those to keep."""
    if text.isprintable():
        return text
    return "".join(each if each in keep or not _is_obeyed(each) else _decomposed(each) for each in text)


def escape(text: str) -> str:
    """The text as HTML and SVG hold it, between tags or in quotes."""
    return html.escape(visible(text, keep="\n"))


def _is_obeyed(character: str) -> bool:
    return category(character) in _OBEYED or character in _TURNS


def _decomposed(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
