r"""Makes external text safe to show: names of files, labels, metadata, results of others.

A terminal executes escape sequences, a page renders markup, and both reverse text at invisible marks.
Such characters are shown as Python escapes, such as \x1b. Markdown has signs of its own, and takes HTML.
"""

import html
import re
from unicodedata import category

_OBEYED = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: control characters, surrogates, separators of lines and paragraphs."""

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that change the text direction, or are invisible."""


_MARKS = re.compile(r"[\\`*_{}\[\]<>#|&~!:@$]")
"""What Markdown and its dialects give a meaning in the middle of a line."""

_SHORTEST_FENCE = 3


def visible(text: str, *, keep: str = "") -> str:
    """The text with every control character escaped, except those in `keep`."""
    if text.isprintable():
        return text
    return "".join(each if each in keep or not _is_obeyed(each) else _decomposed(each) for each in text)


def escape(text: str) -> str:
    """The text escaped for HTML and SVG, between tags or in quotes."""
    return html.escape(visible(text, keep="\n"))


def markdown(text: str) -> str:
    """The text escaped for a line of Markdown, where it neither formats nor links nor ends a cell."""
    return _MARKS.sub(r"\\\g<0>", visible(text))


def code(text: str) -> str:
    """The text as code in a line of Markdown, whatever it holds."""
    ticks = "`" * (_longest_run(text) + 1)
    shown = visible(text)
    # A tick at an end needs a space beside it, which is not shown.
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{space}{shown}{space}{ticks}"


def fenced(text: str, language: str = "") -> str:
    """The text as a block of code in Markdown, whatever it holds."""
    fence = "`" * max(_SHORTEST_FENCE, _longest_run(text) + 1)
    return f"{fence}{language}\n{visible(text, keep=chr(10))}\n{fence}\n"


def _longest_run(text: str) -> int:
    """The length of the longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)


def _is_obeyed(character: str) -> bool:
    return category(character) in _OBEYED or character in _TURNS


def _decomposed(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
