"""Numbers as C text."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

_WIDTH = 100


def integer_lines(values: NDArray[np.integer]) -> list[str]:
    """The elements of an integer array, in order, as lines of a C initializer."""
    return list(_wrapped(str(value) for value in values.ravel().tolist()))


def float_lines(values: NDArray[np.float32]) -> list[str]:
    """The same of float32, to the last bit."""
    return list(_wrapped(float_text(float(value)) for value in values.ravel()))


def float_text(value: float) -> str:
    """A float32 constant of C, to the last bit."""
    text = repr(float(np.format_float_scientific(np.float32(value), unique=True)))
    return f"{text}f"


def _wrapped(texts: Iterable[str]) -> Iterator[str]:
    line = ""
    for text in texts:
        if len(line) + len(text) > _WIDTH:
            yield line
            line = ""
        line += f"{text}," if not line else f" {text},"
    if line:
        yield line
