"""Reads batches of images, in this process or in worker processes.

Workers ignore Ctrl-C, which a terminal sends to all, and end with their parent, however it ends. They are
spawned, since a fork of a process with threads may hang. An image that cannot be read travels as a message,
so that one line names it.
"""

import atexit
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import cast

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import MicronetEdgeError, SettingsError
from micronet_edge.training.decode import training_pixels, validation_array
from micronet_edge.training.images import ImageSet
from micronet_edge.training.recipe import AugmentationRecipe
from micronet_edge.training.sampling import Numbers, image_generator
from micronet_edge.util.processes import end_with, interrupts_held_back

_WORKER = "DataLoader worker"  # so PyTorch's errors on ended processes begin
_PREFETCHED = 2  # batches a worker
_ENDED_EARLY = (
    "a process that reads images ended early: there may be too little memory, or too little shared memory "
    "(/dev/shm), or a script trains outside of `if __name__ == '__main__':`; --workers 0 avoids all three"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Images to compute with.

    Attributes:
        images: uint8 pixels to train on, or float32 preprocessed ones to validate on.
        classes: the images' classes.
        numbers: the images' numbers in their ImageSet.
    """

    images: UInt8[Tensor, "n 3 size size"] | Float32[Tensor, "n 3 size size"]
    classes: Int64[Tensor, " n"]
    numbers: Int64[Tensor, " n"]

    def pin_memory(self) -> "Batch":
        """The same in page-locked memory; PyTorch's loader calls it by this name."""
        return replace(self, images=self.images.pin_memory(), classes=self.classes.pin_memory())

    def own(self) -> "Batch":
        """The same in memory of this process. What a worker sends lies in shared memory, which is scarce."""
        return Batch(self.images.clone(), self.classes.clone(), self.numbers.clone())


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a batch could not be read."""

    message: str


class Reader(Dataset["Batch | Unread"], ABC):
    """Reads batches; can be pickled."""

    def __init__(self, images: ImageSet) -> None:
        self._store = images.store
        self._classes = np.asarray(images.classes, np.int64)

    def __getitem__(self, item: tuple[int, Numbers]) -> "Batch | Unread":
        """The batch of these images in this epoch."""
        epoch, numbers = item
        try:
            arrays = [self.array(epoch, int(number)) for number in numbers]
        except SettingsError as error:
            return Unread(str(error))
        classes = torch.from_numpy(self._classes[numbers])
        return Batch(torch.from_numpy(np.stack(arrays)), classes, torch.from_numpy(numbers.copy()))

    @abstractmethod
    def array(self, epoch: int, number: int) -> np.ndarray:
        """An image of the batch."""


class TrainingReader(Reader):
    """Reads images to train on; a random crop depends on the seed, the epoch and the image's number."""

    def __init__(
        self, images: ImageSet, preprocessing: Preprocessing, recipe: AugmentationRecipe, seed: int
    ) -> None:
        super().__init__(images)
        self._preprocessing, self._recipe, self._seed = preprocessing, recipe, seed

    def array(self, epoch: int, number: int) -> UInt8[np.ndarray, "3 size size"]:
        random = image_generator(self._seed, epoch, number)
        content, name = self._store.read(number), self._store.name(number)
        return training_pixels(content, name, self._preprocessing, self._recipe, random)


class ValidationReader(Reader):
    """Reads images to validate on."""

    def __init__(self, images: ImageSet, preprocessing: Preprocessing) -> None:
        super().__init__(images)
        self._preprocessing = preprocessing

    def array(self, epoch: int, number: int) -> Float32[np.ndarray, "3 size size"]:
        del epoch
        return validation_array(self._store.read(number), self._store.name(number), self._preprocessing)


def read_here(
    reader: Reader, epoch: int, batches: list[Numbers], *, pin_memory: bool = False
) -> Iterator[Batch]:
    """Reads batches in this process. Raises SettingsError on an image that cannot be read."""
    for numbers in batches:
        batch = _read(reader[epoch, numbers])
        yield batch.pin_memory() if pin_memory else batch


class WorkerProcesses:
    """Processes that read batches, and stay from epoch to epoch."""

    def __init__(self, reader: Reader, count: int, *, pin_memory: bool = False) -> None:
        self._ahead = _Ahead()
        context = get_context("spawn")
        self._lifeline, self._held_here = context.Pipe(duplex=False)
        self._loader = DataLoader(
            reader,
            batch_size=None,
            sampler=cast("Sampler[object]", self._ahead),
            num_workers=count,
            multiprocessing_context=context,
            worker_init_fn=partial(_start, self._lifeline),
            persistent_workers=True,
            prefetch_factor=_PREFETCHED,
            pin_memory=pin_memory,
            generator=torch.Generator(),  # otherwise it draws from the global one
        )

    def batches(self, epoch: int, batches: list[Numbers]) -> Iterator[Batch]:
        """As read_here. Raises MicronetEdgeError if a process ends early."""
        self._ahead.items = [(epoch, numbers) for numbers in batches]
        try:
            with interrupts_held_back():
                loaded = iter(self._loader)
            for batch in loaded:
                yield _read(batch)
        except (RuntimeError, OSError, EOFError) as error:
            if isinstance(error, RuntimeError) and _WORKER not in str(error):
                raise
            raise MicronetEdgeError(_ENDED_EARLY) from error

    def close(self) -> None:
        """Ends the processes."""
        iterator = self._loader._iterator  # noqa: SLF001 - PyTorch has no other way to end persistent workers
        if iterator is not None:
            iterator._shutdown_workers()  # type: ignore[attr-defined]  # noqa: SLF001 - as above
            self._loader._iterator = None  # noqa: SLF001 - as above
        self._held_here.close()
        self._lifeline.close()


class _Ahead:
    """What PyTorch's loader takes for a sampler: the batches of the epoch that comes next."""

    def __init__(self) -> None:
        self.items: list[tuple[int, Numbers]] = []

    def __iter__(self) -> Iterator[tuple[int, Numbers]]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def _start(lifeline: Connection, worker: int) -> None:
    del worker
    # Without this, Python ends a thread that is about to send a batch, which aborts the process.
    atexit.register(os._exit, 0)
    end_with(lifeline, code=0)  # a process that fails while the parent ends makes PyTorch print an error


def _read(batch: Batch | Unread) -> Batch:
    if isinstance(batch, Unread):
        raise SettingsError(batch.message)
    return batch
