"""Quantization-aware fine-tuning: teaches a quantized network to answer as it does in float."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import cos, isfinite, pi

import numpy as np
import torch
from torch import Tensor, nn

from micronet_edge.errors import SettingsError
from micronet_edge.image_folders import SKIP_HINT, LabelledImages
from micronet_edge.preprocessing import Preprocessing, open_image
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.threads import one_thread

MINIMUM_IMAGES = 256
EPOCHS = 4
LEARNING_RATE = 1e-3
PATIENCE = 2
"""Epochs in a row that may bring nothing before it stops."""
HELD_OUT = 10
"""One image in so many, of every class, is not trained on: these pick the epoch."""

_BATCH = 64
_WARM_UP = 0.1
_LARGEST_GRADIENT = 10.0
_SEED = 0
_CACHE_BYTES = 1 << 30
"""Preprocessed images kept in memory; what does not fit is read anew in every epoch."""


@dataclass(frozen=True, slots=True)
class FinetuneProgress:
    """Images trained on, of how many in all epochs; the latest held-out agreement, 0 to 1."""

    done: int
    total: int
    agreement: float


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """What fine-tuning did.

    `epochs` were run; the network has the weights after `kept_epoch` of them, 0 where none was better
    than the start. An agreement is the part, 0 to 1, of the `held_out` images on which the quantized
    network and the float one give the same class.
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
    preprocessing: Preprocessing,
    *,
    teacher: nn.Module | None = None,
    epochs: int = EPOCHS,
    progress: Progress = lambda _: None,
) -> FinetuneResult:
    """Trains the network's weights and biases, in place, through the rounding of its simulation.

    Given    a quantized network; images that it was trained on, or such ones; the float network to
             learn from, by default the quantized one's own without rounding, which is the float
             network only as long as no bias is corrected
    Result   the weights of the epoch that comes nearest to the teacher on images held out, with no
             fewer equal classes than before; the start's if there is none. The grids stay as they
             are. Same images, same result.
    Raises   SettingsError on too few images, on one that cannot be read, and on a teacher that gives
             NaN or infinity. The network is then as it was, and also where it is interrupted.

    Source: Nagel et al., arXiv 2106.08295, section 4; distilled as in Hinton et al., arXiv 1503.02531.
    """
    start = time.perf_counter()
    _check(images, epochs)
    with one_thread():
        lesson = _lesson(teacher or quantized.network, images, preprocessing)
        pupil = _Pupil(replace(quantized, network=copy.deepcopy(quantized.network)), lesson)
        before = pupil.kept
        run = pupil.train(epochs, progress)
    quantized.network.load_state_dict(pupil.kept.weights)
    return FinetuneResult(
        epochs=run,
        kept_epoch=pupil.kept.epoch,
        trained=len(lesson.trained),
        held_out=len(lesson.held_out),
        agreement_before=before.agreement,
        agreement_after=pupil.kept.agreement,
        stopped_early=run < epochs,
        seconds=time.perf_counter() - start,
    )


def _check(images: LabelledImages, epochs: int) -> None:
    if epochs < 1:
        raise SettingsError(f"{epochs} epochs: give a number from 1 up")
    if images.count < MINIMUM_IMAGES:
        raise SettingsError(
            f"{images.source} holds {images.count} images, too few to fine-tune on: give {MINIMUM_IMAGES} or "
            "more, best those that the network was trained on"
        )


# --- What is learned


@dataclass(frozen=True, slots=True)
class _Lesson:
    """Images, what the teacher says of them, and which of them are trained on and which held out."""

    images: "_Images"
    answers: Tensor
    trained: tuple[int, ...]
    held_out: tuple[int, ...]


class _Images:
    """Preprocessed images, read when they are asked for the first time."""

    def __init__(self, images: LabelledImages, preprocessing: Preprocessing) -> None:
        self._images, self._preprocessing = images, preprocessing
        self._cache: dict[int, np.ndarray] = {}
        self._room = _CACHE_BYTES // (3 * 4 * preprocessing.size**2)

    def batch(self, members: Sequence[int]) -> Tensor:
        return torch.from_numpy(np.stack([self._one(member) for member in members]))

    def _one(self, member: int) -> np.ndarray:
        if (known := self._cache.get(member)) is not None:
            return known
        try:
            image: np.ndarray = self._preprocessing.array(open_image(self._images.paths[member]))
        except SettingsError as error:
            raise SettingsError(f"{error}; {SKIP_HINT}") from error
        if len(self._cache) < self._room:
            self._cache[member] = image
        return image


def _lesson(teacher: nn.Module, images: LabelledImages, preprocessing: Preprocessing) -> _Lesson:
    reader = _Images(images, preprocessing)
    with torch.no_grad():
        answers = torch.cat([teacher(reader.batch(part)) for part in _portions(range(images.count))])
    if not answers.isfinite().all():
        raise SettingsError(
            f"the float network gives NaN or infinity on images of {images.source}: train it anew"
        )
    trained, held_out = _split(images.classes)
    return _Lesson(reader, answers, trained, held_out)


def _split(classes: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions to train on and to hold out: one in HELD_OUT of each class, at least one in all."""
    order = np.random.default_rng(_SEED).permutation(len(classes))
    by_class = order[np.argsort(np.asarray(classes)[order], kind="stable")]
    held_out = set(by_class[HELD_OUT // 2 :: HELD_OUT].tolist())
    return tuple(i for i in range(len(classes)) if i not in held_out), tuple(sorted(held_out))


def _portions(members: Sequence[int]) -> Iterator[Sequence[int]]:
    return (members[start : start + _BATCH] for start in range(0, len(members), _BATCH))


# --- Who learns it


@dataclass(frozen=True, slots=True)
class _Standing:
    """Weights after an epoch, and how near they come to the teacher on the images held out."""

    epoch: int
    agreement: float
    distance: float
    weights: dict[str, Tensor] = field(repr=False)


class _Pupil:
    """A network in training; `kept` is the best that it was so far."""

    def __init__(self, quantized: QuantizedNetwork, lesson: _Lesson) -> None:
        self._lesson = lesson
        self._simulation = Simulation(quantized)
        self._parameters = list(self._simulation.parameters())
        for parameter in self._parameters:
            parameter.requires_grad_()
        self.kept = self._standing(0)

    def train(self, epochs: int, progress: Progress) -> int:
        """Trains for so many epochs, fewer if nothing is gained any more; gives the number run."""
        lesson, shuffled = self._lesson, np.random.default_rng(_SEED)
        optimizer = torch.optim.Adam(
            [
                {"params": [each], "size": float(each.detach().square().mean().sqrt())}
                for each in self._parameters
            ]
        )
        done, total = 0, epochs * len(lesson.trained)
        agreement = self.kept.agreement
        progress(FinetuneProgress(done, total, agreement))
        for epoch in range(1, epochs + 1):
            for members in _portions(shuffled.permutation(lesson.trained).tolist()):
                for group in optimizer.param_groups:
                    group["lr"] = group["size"] * _rate(done / total)
                if not self._step(optimizer, members):
                    return epoch
                done += len(members)
                progress(FinetuneProgress(done, total, agreement))
            now = self._standing(epoch)
            agreement = now.agreement
            if self._is_better(now):
                self.kept = now
            if epoch - self.kept.epoch >= PATIENCE:
                return epoch
        return epochs

    def _step(self, optimizer: torch.optim.Optimizer, members: Sequence[int]) -> bool:
        """One step, if the loss and all gradients are finite."""
        optimizer.zero_grad()
        given = self._simulation(self._lesson.images.batch(members))
        loss = _distance(given, self._lesson.answers[members])
        loss.backward()  # type: ignore[no-untyped-call]
        length = nn.utils.clip_grad_norm_(self._parameters, _LARGEST_GRADIENT)
        if not isfinite(loss.item()) or not isfinite(length.item()):
            return False
        optimizer.step()
        return True

    def _standing(self, epoch: int) -> _Standing:
        members = self._lesson.held_out
        with torch.no_grad():
            given = torch.cat([self._simulation(self._lesson.images.batch(p)) for p in _portions(members)])
        wanted = self._lesson.answers[list(members)]
        agreement = float((given.argmax(1) == wanted.argmax(1)).float().mean())
        weights = copy.deepcopy(self._simulation.network.state_dict())
        return _Standing(epoch, agreement, float(_distance(given, wanted)), weights)

    def _is_better(self, now: _Standing) -> bool:
        # A NaN is less than nothing.
        return now.distance < self.kept.distance and now.agreement >= self.kept.agreement


def _rate(passed: float) -> float:
    return LEARNING_RATE * min(1.0, passed / _WARM_UP) * (1 + cos(pi * passed)) / 2


def _distance(given: Tensor, wanted: Tensor) -> Tensor:
    """The squared difference of the logits, as a part of what the wanted ones vary by.

    Where a network is sure of its images, probabilities hardly show what rounding does to it.
    """
    given, wanted = (logits - logits.mean(1, keepdim=True) for logits in (given, wanted))
    return (given - wanted).square().sum() / wanted.square().sum()
