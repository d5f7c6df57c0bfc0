"""What a runtime cannot do, in one line each."""

from __future__ import annotations

MORE = "..."
LONGEST = 300


class RuntimeUnusableError(Exception):
    """A runtime that is missing, or a file that it cannot run; its text is the whole message."""


def one_line(error: BaseException) -> str:
    """What another's error says, without its line breaks, cut where it becomes a page."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST else text[: LONGEST - len(MORE)] + MORE
