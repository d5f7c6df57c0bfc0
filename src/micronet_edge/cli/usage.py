"""How typer shows the usage of a command, and what was wrong with it."""

# ruff: noqa: ANN401 - typer's Click has no public types

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from micronet_edge.safe_text import visible


class Group(TyperGroup):
    """The whole tool. What a user typed is quoted in complaints with nothing in it that a terminal obeys."""

    def make_context(self, *args: Any, **settings: Any) -> Any:
        with _visible_complaints():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: Any) -> Any:
        with _visible_complaints():
            return super().invoke(ctx)

    def get_help_option(self, ctx: Any) -> Any:
        return _as_flag(super().get_help_option(ctx))


class Command(TyperCommand):
    """One command."""

    def get_help_option(self, ctx: Any) -> Any:
        return _as_flag(super().get_help_option(ctx))


def _as_flag(option: Any) -> Any:
    """--help takes no value, so that none is shown."""
    if option is not None:
        option.metavar = ""
    return option


@contextmanager
def _visible_complaints() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        message = getattr(error, "message", None)
        if isinstance(error, _UsageError) and isinstance(message, str):
            error.message = visible(message)
        raise


_UsageError: Any = typer.BadParameter.__base__
"""Typer brings its own Click, or uses the one that is installed."""
