"""How numbers and long lists read in a message of one line."""

from collections.abc import Sequence

_SHOWN = 5


def listed(names: Sequence[object]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(map(str, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def plural(count: int, word: str, words: str | None = None) -> str:
    """A number and what it counts; `words` where they are not the word with an s."""
    return f"{count:,} {word if count == 1 else words or f'{word}s'}"
