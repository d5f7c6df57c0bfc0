"""Options that several commands share, declared once, as fields of a dataclass."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from inspect import Parameter
from typing import Any, get_type_hints


def with_shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """Expands each dataclass parameter of a command into one option per field.

    Typer reads one option per parameter of the signature; the command receives them as one object.
    """
    hints = get_type_hints(command, include_extras=True)
    signature = inspect.signature(command)
    groups = {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}
    parameters: list[Parameter] = []
    for name, parameter in signature.parameters.items():
        own = _options(groups[name]) if name in groups else [parameter.replace(annotation=hints[name])]
        parameters += own

    @functools.wraps(command)
    def expanded(*args: object, **given: object) -> None:
        made = {
            name: kind(**{each.name: given.pop(each.name) for each in fields(kind) if each.name in given})
            for name, kind in groups.items()
        }
        command(*args, **given, **made)

    expanded.__dict__["__signature__"] = signature.replace(parameters=parameters)
    expanded.__annotations__ = {each.name: each.annotation for each in parameters}
    return expanded


def _options(group: type[Any]) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(each.name, Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(group)
    ]
