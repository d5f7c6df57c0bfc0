"""How typer shows the usage of a command and usage errors."""

# ruff: noqa: ANN401 - typer's Click has no public types

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from micronet_edge.util.safe_text import visible

_SHOWN = {"Path": "PATH", "int": "N", "float": "NUMBER", "str": "NAME"}
"""The placeholder for an option's value in the help, by type."""


class Group(TyperGroup):
    """The whole tool. Usage errors quote user input without control characters."""

    def make_context(self, *args: Any, **settings: Any) -> Any:
        with _visible_usage_errors():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: Any) -> Any:
        with _visible_usage_errors():
            return super().invoke(ctx)

    def get_help_option(self, ctx: Any) -> Any:
        return _shown(super().get_help_option(ctx))

    def get_params(self, ctx: Any) -> Any:
        # Typer adds the options of shell completion after it has made the group.
        return [_shown(parameter) for parameter in super().get_params(ctx)]


class Command(TyperCommand):
    """One command. Help shows flags without a value and every other option with a placeholder."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        for parameter in self.params:
            _shown(parameter)

    def get_help_option(self, ctx: Any) -> Any:
        return _shown(super().get_help_option(ctx))


def _shown(parameter: Any) -> Any:
    """Sets the placeholder that the help shows for a parameter."""
    if getattr(parameter, "is_flag", False):
        parameter.metavar, parameter.secondary_opts = "", []
    elif parameter is not None and parameter.param_type_name == "argument":
        parameter.display_type_rich = lambda ctx: None  # noqa: ARG005 - its name says it
    elif parameter is not None and parameter.metavar is None:
        kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
        parameter.metavar = next((word for name, word in _SHOWN.items() if name in str(kind)), None)
    return parameter


@contextmanager
def _visible_usage_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        message = getattr(error, "message", None)
        if isinstance(error, _UsageError) and isinstance(message, str):
            error.message = visible(message)
        raise


_UsageError: Any = typer.BadParameter.__base__
"""Typer bundles Click or uses the installed one; both have this base class."""
