"""How a command ends badly: one line on stderr and an exit code; a traceback only with --debug."""

import functools
import signal
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from micronet_edge.errors import MicronetEdgeError

FAILED = 1
INTERRUPTED = 128 + signal.SIGINT

Parameters = ParamSpec("Parameters")


def one_line_errors(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Wraps a command that has a `debug` parameter."""

    @functools.wraps(command)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        signal.signal(signal.SIGTERM, _as_interrupt)
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            _say("interrupted; nothing was written")
            raise typer.Exit(INTERRUPTED) from None
        except typer.Exit:
            raise
        except Exception as error:
            if kwargs.get("debug"):
                raise
            _say(str(error) if isinstance(error, MicronetEdgeError) else _unexpected(error))
            raise typer.Exit(FAILED) from None

    return wrapped


def _say(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201 - the one place


def _unexpected(error: Exception) -> str:
    return f"{type(error).__name__}: {error}; run again with --debug for the traceback and report it"


def _as_interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
