"""What a training run needs, ready to start."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from micronet_edge.training.distributed import World
from micronet_edge.training.events import Plan
from micronet_edge.training.start import Start
from micronet_edge.training.state import Facts
from micronet_edge.training.teacher import Teacher

SAVE_EVERY_SECONDS = 120.0


class Batch(Protocol):
    """Images of one step or of one part of the validation images.

    Training images are uint8 [n, 3, size, size], RGB; validation images float32, normalized.
    """

    @property
    def images(self) -> Tensor: ...
    @property
    def classes(self) -> Tensor: ...
    @property
    def numbers(self) -> Tensor: ...


class TrainingBatches(Protocol):
    """The share of one process of the training images, in the order of each epoch."""

    @property
    def steps_per_epoch(self) -> int: ...

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1, from a step on."""


class ValidationBatches(Protocol):
    """The share of one process of the validation images, each once over all processes."""

    def __iter__(self) -> Iterator[Batch]: ...


Augment = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""Changes images at random and normalizes them: uint8 images, classes and their number to float images and
class indices or probabilities. Draws from PyTorch's default generator."""


@dataclass(frozen=True, slots=True)
class Task:
    """A run, ready to start.

    Attributes:
        plan: what to do.
        start: the network.
        training: batches to train on.
        validation: batches to measure on.
        augment: random changes of training images.
        folder: where the files go; exists.
        facts: what must be the same when the run goes on.
        seed: of everything random.
        world: the processes.
        device: where to compute.
        teacher: to distil from.
        save_every_s: seconds between saves inside an epoch.
    """

    plan: Plan
    start: Start
    training: TrainingBatches = field(repr=False)
    validation: ValidationBatches = field(repr=False)
    augment: Augment = field(repr=False)
    folder: Path
    facts: Facts = field(default_factory=dict, repr=False)
    seed: int = 0
    world: World = field(default_factory=World)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    teacher: Teacher | None = None
    save_every_s: float = SAVE_EVERY_SECONDS

    @property
    def classes(self) -> int:
        """Their number."""
        return len(self.plan.dataset.labels)

    @property
    def epochs(self) -> int:
        """Their number."""
        return self.plan.recipe.schedule.epochs
