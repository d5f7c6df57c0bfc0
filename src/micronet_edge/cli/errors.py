"""How a command fails: one line on stderr and an exit code; a traceback only with --debug."""

import functools
import signal
import traceback
from collections.abc import Callable
from threading import Event
from typing import ParamSpec

import typer

from micronet_edge.errors import MicronetEdgeError
from micronet_edge.util.printing import ReaderGoneError
from micronet_edge.util.terminal import print_error, print_traceback

FAILED = 1
INTERRUPTED = 128 + signal.SIGINT
_NOTHING_WRITTEN = "interrupted; nothing was written"

Parameters = ParamSpec("Parameters")


def one_line_errors(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Wraps a command that has a `debug` parameter."""

    @functools.wraps(command)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        interrupted = _raise_on_signals()
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt as error:
            print_error(str(error) or _NOTHING_WRITTEN)
            raise typer.Exit(INTERRUPTED) from None
        except (
            typer.Exit,
            typer.BadParameter,
            ReaderGoneError,
        ):  # typer handles these; wrong usage exits with 2
            raise
        except Exception as error:  # noqa: BLE001 - every error becomes one line here
            if interrupted.is_set():  # C++ code turns KeyboardInterrupt into errors of its own
                print_error(_NOTHING_WRITTEN)
                raise typer.Exit(INTERRUPTED) from None
            if kwargs.get("debug"):
                print_traceback(traceback.format_exc())
                raise typer.Exit(FAILED) from None
            print_error(str(error) if isinstance(error, MicronetEdgeError) else _unexpected(error))
            raise typer.Exit(FAILED) from None

    return wrapped


def _unexpected(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        from micronet_edge.util.extras import missing

        needed = missing(error)
        return f"{error}: install that package" if needed is None else f"this command needs {needed}"
    return f"{type(error).__name__}: {error}; run again with --debug for the traceback and report it"


def _raise_on_signals() -> Event:
    """Makes SIGTERM end a command as Ctrl-C does. The event is set once either has arrived."""
    came = Event()

    def interrupt(_signal: int, _frame: object) -> None:
        came.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in a shell's background job
        signal.signal(signal.SIGINT, interrupt)
    return came
