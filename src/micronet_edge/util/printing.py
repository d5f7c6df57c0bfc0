"""What can become of output on its way: a reader that has ended, a disk that is full."""

from collections.abc import Iterator
from contextlib import contextmanager

from micronet_edge.errors import OutputError


class ReaderGoneError(Exception):
    """Whoever read the output has ended, as `head` does: no error, but there is nobody to go on for."""


@contextmanager
def printing() -> Iterator[None]:
    """Turns what the system says of output into what a command can tell."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise unprintable(error) from error


def unprintable(error: OSError) -> OutputError:
    """The error that a command tells, of what the system says."""
    return OutputError(f"the output cannot be printed ({error.strerror}): send it elsewhere")
