"""Formats numbers and lists for one-line messages."""

from collections.abc import Sequence

_SHOWN = 5


def listed(names: Sequence[object]) -> str:
    """The first few names and the number of the others."""
    shown = ", ".join(map(str, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def plural(count: int, word: str, words: str | None = None) -> str:
    """A number with its noun; `words` is the plural if it is not `word` with an s."""
    return f"{count:,} {word if count == 1 else words or f'{word}s'}"
