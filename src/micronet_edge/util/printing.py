"""Errors of printed output: a reader that has ended, a full disk."""

from collections.abc import Iterator
from contextlib import contextmanager

from micronet_edge.errors import OutputError


class ReaderGoneError(Exception):
    """The reader of the output has ended, as `head` does: not an error, but a reason to stop."""


@contextmanager
def printing() -> Iterator[None]:
    """Turns system errors of output into errors that a command reports."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise unprintable(error) from error


def unprintable(error: OSError) -> OutputError:
    """The error that a command reports for a system error."""
    return OutputError(f"the output cannot be printed ({error.strerror}): redirect it elsewhere")
