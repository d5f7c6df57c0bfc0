"""Checks for every runtime: inputs and outputs of fixed shape and supported type."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Tensor = TypeVar("Tensor")

SEED = 0
DTYPES = ("float32", "int8", "uint8", "int16", "uint16")


def first_input(path: Path, tensors: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """The file's first input, and the others.

    Raises RuntimeUnusableError if there are none.
    """
    if not tensors:
        raise RuntimeUnusableError(f"{path} has no input: only files with one can be measured")
    return tensors[0], list(tensors[1:])


def random_array(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Random numbers from a fixed seed: normally distributed, or uniform over an integer type."""
    random = np.random.default_rng(SEED)
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype.name)
    return random.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def fixed_shape(path: Path, kind: str, shape: Sequence[object]) -> tuple[int, ...]:
    """The shape, if every dimension is a number.

    Raises RuntimeUnusableError on a dynamic shape.
    """
    sizes = tuple(int(size) if isinstance(size, (int, np.integer)) else -1 for size in shape)
    if any(size < 1 for size in sizes):
        shown = " x ".join(map(str, shape))
        raise RuntimeUnusableError(
            f"{path} has an {kind} of the dynamic shape {shown}: export it with fixed sizes"
        )
    return sizes


def known_dtype(path: Path, kind: str, dtype: str) -> np.dtype[np.generic]:
    """The dtype of an input or output.

    Raises RuntimeUnusableError on an unsupported one.
    """
    if dtype not in DTYPES:
        raise RuntimeUnusableError(f"{path} has an {kind} of {dtype}: it must be one of {', '.join(DTYPES)}")
    return np.dtype(dtype)


def check_array(
    path: Path, array: NDArray[np.generic], shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> None:
    """Raises RuntimeUnusableError on an array that does not match the file's input."""
    if array.shape != shape or array.dtype != dtype:
        raise RuntimeUnusableError(
            f"{path} takes {dtype} of shape {shape}, but was given {array.dtype} of shape {array.shape}"
        )


def check_readable(path: Path) -> None:
    """Raises RuntimeUnusableError if the path is missing or not a file."""
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise RuntimeUnusableError(f"{path} cannot be read: {error.strerror}") from error
