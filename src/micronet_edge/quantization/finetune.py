"""Quantization-aware fine-tuning: trains a quantized network to answer as the float network does."""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import cos, isfinite, pi, sqrt

import numpy as np
import torch
from torch import Tensor, nn

from micronet_edge.data.image_folders import LabelledImages
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge.quantization.finetune_images import SEED, TrainingImages, batches, enlarged, split
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.util.limits import MOST_EPOCHS
from micronet_edge.util.threads import one_thread

MINIMUM_IMAGES = 256
EPOCHS = 4
LEARNING_RATE = 1e-3
"""The largest learning rate, relative to the root mean square of a layer's weights.

Layers with folded norms differ in size by a factor of 100; one rate for all disturbs the small ones.
"""
PATIENCE = 3
"""Epochs in a row without progress after which training stops; the late ones, with small steps, gain most."""

_WARM_UP = 0.1
"""The part of all optimizer steps in which the learning rate rises to its largest value."""
_VIEWS = 4
"""Random views of each held-out image: on images as they are, a trained network is too confident."""
_CHANCE = 3.0
"""Standard deviations by which corrected classes must outnumber lost ones before the start is given up.

Each epoch is a trial of its own, and the images are like those that the network was trained on.
"""
_LARGEST_GRADIENT = 10.0


@dataclass(frozen=True, slots=True)
class FinetuneProgress:
    """Images trained on, of how many in all epochs; the latest agreement on held-out images, 0 to 1."""

    done: int
    total: int
    agreement: float


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """What fine-tuning did.

    Training ran for `epochs`; the network has the weights after `kept_epoch`, 0 if no epoch improved on the
    start. An agreement is the part, 0 to 1, of the `held_out` images on which the quantized network and the
    float network predict the same class.
    """

    epochs: int
    kept_epoch: int
    trained: int
    held_out: int
    agreement_before: float
    agreement_after: float
    stopped_early: bool
    seconds: float


Progress = Callable[[FinetuneProgress], None]


def finetune(
    quantized: QuantizedNetwork,
    images: LabelledImages,
    *,
    teacher: nn.Module | None = None,
    epochs: int = EPOCHS,
    progress: Progress = lambda _: None,
) -> FinetuneResult:
    """Trains the network's weights and biases in place, through the rounding of its simulation.

    The network gets the weights of the epoch that is nearest to the teacher on held-out images, if more of
    them have the teacher's class than chance explains; otherwise it keeps its own. Quantization parameters
    stay as they are. The same images give the same result.

    Args:
        quantized: a quantized network.
        images: its training images, or similar ones.
        teacher: the float network to learn from. The default is the quantized network's own without
            rounding, which is the float network only if no bias was corrected.
        epochs: the largest number of epochs.
        progress: receives how far training is after every batch.

    Raises:
        SettingsError: a network that is no classifier, too few images, one that cannot be read, or a teacher
            that gives NaN or infinity. The network is then unchanged, as it is after an interrupt.

    Source: Nagel et al., arXiv 2106.08295, section 4; distilled as in Hinton et al., arXiv 1503.02531.
    """
    start = time.perf_counter()
    MOST_EPOCHS.check(epochs)
    if not quantized.classifies:
        raise SettingsError(
            "fine-tuning compares the logits of classes, which this network does not give: quantize it "
            "without --finetune, or with --precision int8-a16"
        )
    check_enough(images)
    with one_thread():
        task = _task(teacher or quantized.network, images, quantized.preprocessing)
        student = _Student(replace(quantized, network=copy.deepcopy(quantized.network)), task)
        before = student.best
        run = student.train(epochs, progress)
    quantized.network.load_state_dict(student.best.weights)
    return FinetuneResult(
        epochs=run,
        kept_epoch=student.best.epoch,
        trained=len(task.trained),
        held_out=len(task.held_out),
        agreement_before=before.agreement,
        agreement_after=student.best.agreement,
        stopped_early=run < epochs,
        seconds=time.perf_counter() - start,
    )


def check_enough(images: LabelledImages) -> None:
    """Raises SettingsError on too few images to fine-tune on."""
    if images.count < MINIMUM_IMAGES:
        raise SettingsError(
            f"{images.source} holds {images.count} images, too few to fine-tune on: give {MINIMUM_IMAGES} or "
            "more, best those that the network was trained on"
        )


@dataclass(frozen=True, slots=True)
class _Task:
    """The teacher, the images, and the teacher's logits on random views of the held-out ones."""

    teacher: nn.Module
    images: TrainingImages
    trained: tuple[int, ...]
    held_out: tuple[int, ...]
    expected: Tensor


def _task(teacher: nn.Module, images: LabelledImages, preprocessing: Preprocessing) -> _Task:
    reader = TrainingImages(images, preprocessing)
    trained, held_out = split(images.classes)
    expected = _logits(teacher, reader, held_out)
    if not expected.isfinite().all():
        raise SettingsError(
            f"the float network gives NaN or infinity on images of {images.source}: train it anew"
        )
    return _Task(teacher, reader, trained, held_out, expected)


def _logits(network: nn.Module, images: TrainingImages, members: Sequence[int]) -> Tensor:
    """The logits on the same random views in every call."""
    random = np.random.default_rng(SEED)
    views = (enlarged(images.batch(batch), random) for batch in batches(members) for _ in range(_VIEWS))
    with torch.no_grad():
        return torch.cat([network(view) for view in views])


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The weights after an epoch, and how near the network is to the teacher on held-out images."""

    epoch: int
    same: Tensor = field(repr=False)
    distance: float
    weights: dict[str, Tensor] = field(repr=False)

    @property
    def agreement(self) -> float:
        return float(self.same.float().mean())


class _Student:
    """A network in training; `best` is the best snapshot so far."""

    def __init__(self, quantized: QuantizedNetwork, task: _Task) -> None:
        self._task = task
        self._simulation = Simulation(quantized)
        self._parameters = list(self._simulation.parameters())
        for parameter in self._parameters:
            parameter.requires_grad_()
        self._random = np.random.default_rng(SEED)
        self.best = self._snapshot(0)

    def train(self, epochs: int, progress: Progress) -> int:
        """Trains for at most so many epochs, and returns the number run."""
        optimizer = self._optimizer()
        done, total = 0, epochs * len(self._task.trained)
        agreement, nearest = self.best.agreement, self.best
        progress(FinetuneProgress(done, total, agreement))
        for epoch in range(1, epochs + 1):
            for members in batches(self._random.permutation(self._task.trained).tolist()):
                for group in optimizer.param_groups:
                    group["lr"] = group["size"] * _rate((done + len(members)) / total)
                if not self._step(optimizer, members):
                    return epoch
                done += len(members)
                progress(FinetuneProgress(done, total, agreement))
            now = self._snapshot(epoch)
            agreement, nearest = now.agreement, now if now.distance < nearest.distance else nearest
            if self._is_better(now):
                self.best = now
            if epoch - nearest.epoch >= PATIENCE:
                return epoch
        return epochs

    def _optimizer(self) -> torch.optim.Optimizer:
        sizes = [float(each.detach().square().mean().sqrt()) for each in self._parameters]
        return torch.optim.Adam(
            [{"params": [each], "size": size} for each, size in zip(self._parameters, sizes, strict=True)]
        )

    def _step(self, optimizer: torch.optim.Optimizer, members: Sequence[int]) -> bool:
        """One optimizer step; none, and False, if the loss or a gradient is not finite."""
        images = enlarged(self._task.images.batch(members), self._random)
        with torch.no_grad():
            expected = self._task.teacher(images)
        optimizer.zero_grad()
        loss = _distance(self._simulation(images), expected)
        loss.backward()  # type: ignore[no-untyped-call]
        length = nn.utils.clip_grad_norm_(self._parameters, _LARGEST_GRADIENT)
        if not isfinite(loss.item()) or not isfinite(length.item()):
            return False
        optimizer.step()
        return True

    def _snapshot(self, epoch: int) -> _Snapshot:
        task = self._task
        found = _logits(self._simulation, task.images, task.held_out)
        same = found.argmax(1) == task.expected.argmax(1)
        weights = copy.deepcopy(self._simulation.network.state_dict())
        return _Snapshot(epoch, same, float(_distance(found, task.expected)), weights)

    def _is_better(self, now: _Snapshot) -> bool:
        gained = int((now.same & ~self.best.same).sum())
        lost = int((self.best.same & ~now.same).sum())
        # Only a gain beyond chance replaces the start; after that, a nearer network must not lose it again.
        needed = 0.0 if self.best.epoch else max(1.0, _CHANCE * sqrt(gained + lost))
        # A distance of NaN compares as false.
        return now.distance < self.best.distance and gained - lost >= needed


def _rate(passed: float) -> float:
    """The learning rate after this part of all optimizer steps: a warm-up, then a cosine."""
    return LEARNING_RATE * min(1.0, passed / _WARM_UP) * (1 + cos(pi * passed)) / 2


def _distance(found: Tensor, expected: Tensor) -> Tensor:
    """The squared difference of the logits [n, classes], relative to the variance of the expected ones.

    Where a network is confident, probabilities hardly show what rounding does to it.
    """
    found, expected = (logits - logits.mean(1, keepdim=True) for logits in (found, expected))
    return (found - expected).square().sum() / expected.square().sum()
