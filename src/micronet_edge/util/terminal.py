"""Printing on standard output and error, without control characters; a failure to print raises.

Imports rich only for a console, so that `--help` is fast.
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
"""The exit code after the reader of the output has ended (SIGPIPE), as shells expect."""

_FAILED = 1


def say(line: str, *, err: bool = False) -> None:
    """Prints one line. Raises OutputError if that fails, ReaderGoneError if the reader has ended."""
    _write(visible(line), sys.stderr if err else sys.stdout)


def say_json(value: object) -> None:
    """Prints a value as JSON, in ASCII. Raises as `say` does."""
    _write(json.dumps(value, indent=2, default=str), sys.stdout)


def open_console(*, err: bool = False, width: int | None = None) -> "Console":
    """A console for tables, steps and progress, without markup; raises as `say` does."""
    from micronet_edge.util.safe_console import SafeConsole

    return SafeConsole(stderr=err, width=width)


@contextmanager
def guarded() -> Iterator[None]:
    """Runs a program with output that any encoding can print and whose reader may end early.

    Escapes characters that the terminal's encoding lacks. Exits with CUT_OFF and no message if the reader has
    ended, or with one line if the output cannot be written.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except (BrokenPipeError, ReaderGoneError):
        _hush()
        raise SystemExit(CUT_OFF) from None
    except OSError as error:  # from a library's own printing, such as --help
        print_error(str(unprintable(error)))
        _hush()
        raise SystemExit(_FAILED) from None
    except SystemExit:
        _flush()
        raise


def print_error(message: str) -> None:
    """Prints an error in one line on standard error, if possible."""
    with suppress(OutputError, ReaderGoneError):
        # Escapes first, since names may contain characters that `split` takes for spaces.
        say(f"error: {' '.join(visible(message, keep=chr(10)).split())}", err=True)


def print_traceback(trace: str) -> None:
    """Prints a traceback on standard error, if possible."""
    with suppress(OutputError, ReaderGoneError):
        _write(visible(trace.rstrip(), keep="\n"), sys.stderr)


def _write(text: str, stream: TextIO | None) -> None:
    if stream is None:  # closed before the program started
        return
    with printing():
        stream.write(text + "\n")
        stream.flush()


def _flush() -> None:
    """Discards output that cannot be printed, since Python would report it at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _hush()


def _hush() -> None:
    """Redirects pending output to the null device."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
