"""The one way to standard output and error: nothing that is printed steers the terminal, or fails unsaid.

Loads rich only when a console is asked for: `--help` must answer at once.
"""

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from micronet_edge.errors import OutputError
from micronet_edge.util.printing import ReaderGoneError, printing, unprintable
from micronet_edge.util.safe_text import visible

if TYPE_CHECKING:
    from rich.console import Console

CUT_OFF = 128 + signal.Signals(13)
"""The exit code where nobody reads the output any more, as a shell expects it (SIGPIPE)."""

_FAILED = 1


def say(line: str, *, err: bool = False) -> None:
    """Prints one line. Raises OutputError where that fails, ReaderGoneError where nobody reads."""
    _write(visible(line), sys.stderr if err else sys.stdout)


def say_json(value: object) -> None:
    """Prints a value as JSON, in ASCII. Raises as `say` does."""
    _write(json.dumps(value, indent=2, default=str), sys.stdout)


def open_console(*, err: bool = False, width: int | None = None) -> "Console":
    """Where tables, steps and progress go: no markup in any text; raises as `say` does."""
    from micronet_edge.util.safe_console import SafeConsole

    return SafeConsole(stderr=err, width=width)


@contextmanager
def guarded() -> Iterator[None]:
    """Runs a program so that what it prints can always be printed, and its output may end early.

    Characters that the terminal's encoding lacks are decomposed. Leaves by SystemExit where the output is
    gone or full: quietly with CUT_OFF, or with one line.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except (BrokenPipeError, ReaderGoneError):
        _hush()
        raise SystemExit(CUT_OFF) from None
    except OSError as error:  # of a library's own printing, such as --help
        print_error(str(unprintable(error)))
        _hush()
        raise SystemExit(_FAILED) from None
    except SystemExit:
        _flush()
        raise


def print_error(message: str) -> None:
    """Says in one line on standard error what went wrong, if that can be said."""
    with suppress(OutputError, ReaderGoneError):
        # Decomposed first: what counts as a space may stand in a name.
        say(f"error: {' '.join(visible(message, keep=chr(10)).split())}", err=True)


def print_traceback(trace: str) -> None:
    """Shows a traceback on standard error, if it can be shown."""
    with suppress(OutputError, ReaderGoneError):
        _write(visible(trace.rstrip(), keep="\n"), sys.stderr)


def _write(text: str, stream: TextIO | None) -> None:
    if stream is None:  # closed before the start
        return
    with printing():
        stream.write(text + "\n")
        stream.flush()


def _flush() -> None:
    """Lets go of what cannot be printed: at the very end Python would complain of it in its own words."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _hush()


def _hush() -> None:
    """Sends whatever still waits to be printed nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
