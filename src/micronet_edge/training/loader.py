"""Loads batches of images in the order that the seed and the epoch decide, in this process or in several.

A batch depends on the images, the seed, the epoch and its place in the epoch alone: the number of worker
processes changes nothing, and an epoch that starts at a later step gives the rest of the same batches.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge.training.batches import (
    Batch,
    Reader,
    TrainingReader,
    ValidationReader,
    WorkerProcesses,
    read_here,
)
from micronet_edge.training.images import ImageSet
from micronet_edge.training.recipe import Recipe
from micronet_edge.training.sampling import Numbers, balanced_order, epoch_order, part_of, steps_in
from micronet_edge.util.text import plural

_VALIDATION_EPOCH = 0  # one order for all


@dataclass(frozen=True, slots=True)
class LoaderSettings:
    """How to load.

    Attributes:
        batch_size: images a batch, over all processes of the training.
        seed: of the order and the random crops.
        workers: processes that read; 0 reads in this one.
        rank: number of this process of the training.
        world: number of processes of the training.
        pin_memory: page-locked memory, for copies to a GPU.
    """

    batch_size: int
    seed: int = 0
    workers: int = 0
    rank: int = 0
    world: int = 1
    pin_memory: bool = False


class TrainingLoader:
    """Batches of training images: uint8, red, green and blue, cropped at random.

    Batch b of an epoch holds the images b * batch_size and following of the epoch's order, of which this
    process takes its part. The last incomplete batch is dropped.
    """

    def __init__(
        self, images: ImageSet, preprocessing: Preprocessing, recipe: Recipe, settings: LoaderSettings
    ) -> None:
        """Starts no process yet.

        Raises SettingsError on a batch larger than the images, or not a multiple of the processes.
        """
        _check_batch(images.count, settings)
        self._images, self._settings, self._balanced = images, settings, recipe.balanced
        reader = TrainingReader(images, preprocessing, recipe.augmentation, settings.seed)
        self._source = _Source(reader, settings)

    @property
    def steps_per_epoch(self) -> int:
        return steps_in(self._images.count, self._settings.batch_size)

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from `first_step` on, which counts from 0.

        Raises SettingsError on an image that cannot be read, MicronetEdgeError if a worker process ends.
        """
        settings, classes = self._settings, self._images.classes
        if self._balanced:
            order = balanced_order(classes, settings.seed, number)
        else:
            order = epoch_order(len(classes), settings.seed, number)
        size = settings.batch_size
        batches = [
            part_of(order[step * size : (step + 1) * size], settings.rank, settings.world)
            for step in range(first_step, self.steps_per_epoch)
        ]
        return self._source.batches(number, batches)

    def close(self) -> None:
        """Ends the worker processes."""
        self._source.close()


class ValidationLoader:
    """Batches of validation images: float32, preprocessed as in evaluation, in order.

    Each process takes every `world`-th image, so that all together take each image once.
    """

    def __init__(self, images: ImageSet, preprocessing: Preprocessing, settings: LoaderSettings) -> None:
        """Starts no process yet; `batch_size` is that of this process."""
        self._count, self._settings = images.count, settings
        self._source = _Source(ValidationReader(images, preprocessing), settings)

    def __iter__(self) -> Iterator[Batch]:
        """Raises as TrainingLoader's epochs do."""
        settings = self._settings
        mine = np.arange(settings.rank, self._count, settings.world)
        places = range(0, len(mine), settings.batch_size)
        batches = [mine[place : place + settings.batch_size] for place in places]
        return self._source.batches(_VALIDATION_EPOCH, batches)

    def close(self) -> None:
        """Ends the worker processes."""
        self._source.close()


def loader_speed(loader: TrainingLoader, seconds: float = 3.0, warm_up: int = 2) -> float:
    """Images a second of a loader alone, epoch after epoch, after some batches of warm-up."""
    loaded, start, epoch = -warm_up, 0.0, 0
    images = 0
    while True:
        epoch += 1
        for batch in loader.epoch(epoch):
            loaded += 1
            if loaded == 0:
                start = time.perf_counter()
            elif loaded > 0:
                images += len(batch.numbers)
                if (taken := time.perf_counter() - start) >= seconds:
                    return images / taken


class _Source:
    """Batches from this process or from workers, which start with the first batch."""

    def __init__(self, reader: Reader, settings: LoaderSettings) -> None:
        self._reader, self._settings = reader, settings
        self._workers: WorkerProcesses | None = None

    def batches(self, epoch: int, batches: list[Numbers]) -> Iterator[Batch]:
        settings = self._settings
        if not settings.workers:
            return read_here(self._reader, epoch, batches, pin_memory=settings.pin_memory)
        if self._workers is None:
            self._workers = WorkerProcesses(self._reader, settings.workers, pin_memory=settings.pin_memory)
        return self._workers.batches(epoch, batches)

    def close(self) -> None:
        if self._workers is not None:
            self._workers.close()
        self._workers = None


def _check_batch(count: int, settings: LoaderSettings) -> None:
    size, world = settings.batch_size, settings.world
    if not 0 < size <= count:
        raise SettingsError(
            f"a batch of {plural(size, 'image')} needs as many training images, and there are {count:,}: "
            f"give --batch-size {max(count, 1)} or less"
        )
    if size % world:
        raise SettingsError(
            f"a batch of {size} images cannot be shared among {world} processes equally: give --batch-size "
            f"{max(size // world, 1) * world}"
        )
