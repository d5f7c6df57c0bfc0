"""What every runtime asks of a file: one input and one output of known shape and of numbers we can make."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Tensor = TypeVar("Tensor")

DTYPES = ("float32", "int8", "uint8", "int16", "uint16")


def only_one(path: Path, kind: str, tensors: Sequence[Tensor]) -> Tensor:
    """The file's one input or output.

    Raises RuntimeUnusableError if there are none or several.
    """
    if len(tensors) != 1:
        raise RuntimeUnusableError(f"{path} has {len(tensors)} {kind}s: only files with one can be measured")
    return tensors[0]


def fixed_shape(path: Path, kind: str, shape: Sequence[object]) -> tuple[int, ...]:
    """The shape, if every extent of it is a number.

    Raises RuntimeUnusableError on a shape that is only known at run time.
    """
    sizes = tuple(int(size) if isinstance(size, (int, np.integer)) else -1 for size in shape)
    if any(size < 1 for size in sizes):
        shown = " x ".join(map(str, shape))
        raise RuntimeUnusableError(
            f"{path} has an {kind} of the dynamic shape {shown}: export it with fixed sizes"
        )
    return sizes


def known_dtype(path: Path, kind: str, dtype: str) -> np.dtype[np.generic]:
    """The type of an input's or output's numbers.

    Raises RuntimeUnusableError on one that no image is turned into.
    """
    if dtype not in DTYPES:
        raise RuntimeUnusableError(f"{path} has an {kind} of {dtype}: it must be one of {', '.join(DTYPES)}")
    return np.dtype(dtype)


def check_array(
    path: Path, array: NDArray[np.generic], shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> None:
    """Raises RuntimeUnusableError on an array that is not exactly what the file takes."""
    if array.shape != shape or array.dtype != dtype:
        raise RuntimeUnusableError(
            f"{path} takes {dtype} of shape {shape}, but was given {array.dtype} of shape {array.shape}"
        )


def check_readable(path: Path) -> None:
    """Raises RuntimeUnusableError on a file that is not there, or is no file."""
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise RuntimeUnusableError(f"{path} cannot be read: {error.strerror}") from error
