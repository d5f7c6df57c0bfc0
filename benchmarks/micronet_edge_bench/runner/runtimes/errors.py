"""Errors of runtimes, of one line each."""

from __future__ import annotations

MORE = "..."
LONGEST = 300


class RuntimeUnusableError(Exception):
    """A runtime is missing or cannot run a file; the text is the whole message."""


def one_line(error: BaseException) -> str:
    """The error's text on one line, shortened."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST else text[: LONGEST - len(MORE)] + MORE
