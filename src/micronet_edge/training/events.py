"""What a training run reports while it runs, and what it returns."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float32

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.training.images import Dataset
from micronet_edge.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is about to do. `lines` describe it to a person, one thought each."""

    name: str
    variant: str
    recipe_name: str
    recipe: Recipe
    preprocessing: Preprocessing
    dataset: Dataset
    device: str
    processes: int
    steps_per_epoch: int
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of training: `step` counts from 1 in its epoch, `loss` is the mean since the epoch began."""

    epoch: int
    step: int
    loss: float
    images_per_second: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch, as history.jsonl keeps it, one line each.

    Attributes:
        epoch: counts from 1.
        lr: learning rate at its last step.
        loss: mean training loss.
        top1: share of right validation images, of the averaged weights if there are any.
        raw_top1: the same of the weights themselves.
        validation_loss: cross-entropy on the validation images.
        best: whether these weights are the best so far.
        train_seconds: time of its training steps.
        images_per_second: training images a second, with loading.
        waited_seconds: part of train_seconds that waited for the loader.
    """

    epoch: int
    lr: float
    loss: float
    top1: float
    raw_top1: float
    validation_loss: float
    best: bool
    train_seconds: float
    images_per_second: float
    waited_seconds: float


class Observer(Protocol):
    """Who watches a run; a command line shows it."""

    def planned(self, plan: Plan) -> None: ...
    def stepped(self, step: Step) -> None: ...
    def validated(self, epoch: Epoch) -> None: ...
    def note(self, text: str) -> None: ...


class Unwatched:
    """An observer that looks away."""

    def planned(self, plan: Plan) -> None: ...
    def stepped(self, step: Step) -> None: ...
    def validated(self, epoch: Epoch) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """A finished training run.

    Attributes:
        plan: what was asked.
        checkpoint: the best weights, NAME.safetensors.
        history: all epochs, in order.
        best: the epoch of the checkpoint.
        probabilities: of the checkpoint on all validation images, in their order: [images, classes].
        ended: why training ended: "all epochs", "no better epoch for 10 epochs", "interrupted".
    """

    plan: Plan
    checkpoint: Path
    history: tuple[Epoch, ...]
    best: Epoch
    ended: str
    probabilities: Float32[np.ndarray, "images classes"] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class TrainedFile:
    """An exported file of the trained network, measured on the validation images.

    Attributes:
        path: the file.
        format: name of its target.
        precision: of its weights and arithmetic.
        size_bytes: of the file.
        top1: share of right validation images.
        low: lower end of its 95 % interval.
        high: upper end of its 95 % interval.
        latency_ms: of one image on this machine; None if it was not measured.
    """

    path: Path
    format: str
    precision: str
    size_bytes: int
    top1: float
    low: float
    high: float
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished run with all that it wrote.

    Attributes:
        fitted: the training itself.
        folder: where everything lies.
        report: its page.
        exported: files for other runtimes, if they were asked for.
    """

    fitted: Fitted
    folder: Path
    report: Path
    exported: tuple[TrainedFile, ...] = ()
