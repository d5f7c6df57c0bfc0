"""Checks the shapes that stand in signatures, which are mere notes where the package runs."""

from types import FunctionType
from typing import Annotated, get_args, get_origin, get_type_hints

import jaxtyping
import numpy as np
from beartype import beartype


def checked(function):
    """The function with its arguments and its result checked: Annotated arrays as jaxtyping's types."""
    copy = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    hints = get_type_hints(function, include_extras=True)
    copy.__annotations__ = {name: _checkable(hint) for name, hint in hints.items()}
    return jaxtyping.jaxtyped(copy, typechecker=beartype)


def _checkable(hint):
    if get_origin(hint) is not Annotated:
        return hint
    array, shape = get_args(hint)
    (number,) = get_args(get_args(array)[1])  # of ndarray[shape, dtype[number]]
    return getattr(jaxtyping, number.__name__.capitalize())[np.ndarray, shape]
