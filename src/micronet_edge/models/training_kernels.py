"""The compiled loops of training: Dynamic Shift-Max and the order of channels, on a CPU, channels last.

One pass takes the place of some ten operations of PyTorch, each of which reads and writes whole maps. Without
the library, which needs a C++ compiler on installation, the layers take their forms in PyTorch.

Source: kernels/native/training/training_loops.h.
"""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from micronet_edge import kernels

MOST_SHIFTS = MOST_FUSIONS = 2
"""What the loops are compiled for, as the released networks need."""

ELEMENTS_PER_THREAD = 65_536
"""A thread costs some 20 microseconds: the time of that many elements."""


@dataclass(frozen=True)
class Order:
    """The order of an activation's channels, after it and before it.

    Attributes:
        channels: for every channel of the result, the activation's channel that it is.
        sources: for every shift and channel of the result, the channel of the input that it reads.
    """

    channels: tuple[int, ...]
    sources: tuple[tuple[int, ...], ...]

    @cached_property
    def channels_array(self) -> ctypes.Array[ctypes.c_int32]:
        """`channels` for the library."""
        return (ctypes.c_int32 * len(self.channels))(*self.channels)

    @cached_property
    def sources_array(self) -> ctypes.Array[ctypes.c_int32]:
        """`sources` for the library, one shift after the other."""
        flat = [source for row in self.sources for source in row]
        return (ctypes.c_int32 * len(flat))(*flat)


class TrainingLibrary:
    """The functions of a library of training loops, with the best instructions of this CPU or others."""

    def __init__(self, path: Path, instructions: str | None = None) -> None:
        functions = ctypes.CDLL(str(path))
        best = functions.micronet_edge_train_instructions
        best.restype = ctypes.c_char_p
        self.instructions: bytes = best() if instructions is None else instructions.encode()
        pointer, number, count, real = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_double
        batch: list[Any] = [ctypes.c_char_p, number, number, number, count, count, count, pointer, pointer]
        rows: list[Any] = [ctypes.c_char_p, number, count, count, pointer, real, real]
        self._fuse = functions.micronet_edge_train_shift_max
        self._fuse.argtypes = batch + [pointer] * 3
        self._differentiate = functions.micronet_edge_train_shift_max_gradient
        self._differentiate.argtypes = batch + [pointer] * 5
        self._reorder = functions.micronet_edge_train_reorder
        self._reorder.argtypes = rows + [pointer] * 2
        self._differentiate_reordered = functions.micronet_edge_train_reorder_gradient
        self._differentiate_reordered.argtypes = rows + [pointer] * 3

    def shift_max(
        self, order: Order, tensors: tuple[Tensor, ...], gradients: tuple[Tensor | None, ...] = ()
    ) -> None:
        """Values into the last of (a, x, y), or with (a, x, dy) gradients into (dx, da)."""
        a, x, _ = tensors
        _, fusions, shifts, channels = a.shape
        call = self._differentiate if gradients else self._fuse
        pixels, kind = x.shape[2] * x.shape[3], x.dtype == torch.float64

        def work(first: int, end: int) -> int:
            pointers = (None if each is None else each[first:].data_ptr() for each in (*tensors, *gradients))
            sides = shifts, fusions, end - first, pixels, channels, order.sources_array, order.channels_array
            status: int = call(self.instructions, kind, *sides, *pointers)
            return status

        _in_threads(work, len(x), x.numel())

    def reorder(self, order: Order, ends: tuple[float, float], *maps: Tensor | None) -> None:
        """From (x, y) values into y, from (y, dy, dx) the gradient into dx."""
        call = self._reorder if len(maps) == 2 else self._differentiate_reordered  # noqa: PLR2004
        shape = next(each for each in maps if each is not None)
        pixels, kind = shape.shape[2] * shape.shape[3], shape.dtype == torch.float64

        def work(first: int, end: int) -> int:
            pointers = (None if each is None else each[first:].data_ptr() for each in maps)
            rows, channels = (end - first) * pixels, len(order.channels)
            status: int = call(
                self.instructions, kind, rows, channels, order.channels_array, *ends, *pointers
            )
            return status

        _in_threads(work, len(shape), shape.numel())


@cache
def library() -> TrainingLibrary | None:
    """The loops; None where the library was not built."""
    path = kernels.training_library()
    return None if path is None else TrainingLibrary(path)


def can_run(x: Tensor) -> bool:
    """Whether the loops take this map."""
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and x.dim() == 4  # noqa: PLR2004 - [n, c, h, w]
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.numel() > 0
        and library() is not None
    )


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(torch.get_num_threads())


def _in_threads(work: Callable[[int, int], int], images: int, elements: int) -> None:
    """Calls work(first, end) for all images, a share for each thread. Images do not depend on each other."""
    threads = min(torch.get_num_threads(), images, max(1, elements // ELEMENTS_PER_THREAD))
    if threads == 1:
        statuses = [work(0, images)]
    else:
        ends = [images * number // threads for number in range(threads + 1)]
        statuses = list(_pool().map(work, ends, ends[1:]))
    if any(statuses):
        raise RuntimeError(f"the training kernels refused their arguments: {statuses}")
