"""Quantization-aware fine-tuning: teaches a quantized network to answer as it does in float."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import cos, isfinite, pi, sqrt
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional as F

from micronet_edge.data.image_folders import SKIP_HINT, LabelledImages
from micronet_edge.data.preprocessing import Preprocessing, open_image
from micronet_edge.errors import SettingsError
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.util.limits import MOST_EPOCHS
from micronet_edge.util.threads import one_thread

MINIMUM_IMAGES = 256
EPOCHS = 4
LEARNING_RATE = 1e-3
"""How far a step moves a weight, as a part of what the weights of its layer measure.

Layers whose norms were folded differ in size a hundredfold; one step for all upsets the small ones.
"""
PATIENCE = 3
"""Epochs in a row that may come no nearer before it stops; the late ones, with small steps, gain most."""
HELD_OUT = 10
"""One image in so many, of every class, is not trained on: these pick the epoch."""

_BATCH = 64
_WARM_UP = 0.1
"""The part of all steps in which they grow to their full length: the first ones know no direction yet."""
_ZOOM = 1.4
"""Images are enlarged up to so many times: the network knows its training images too well to doubt."""
_VIEWS = 4
"""So many views of each held-out image are judged: of plain ones a trained network is too sure."""
_CHANCE = 3.0
"""Standard deviations by which the classes that came right must outnumber those that went wrong.

Each epoch is a try of its own, and the images are such as the network was trained on.
"""
_LARGEST_GRADIENT = 10.0
_SEED = 0
_MEMORY_BYTES = 1 << 30
"""Preprocessed images that are kept; what does not fit is read anew in every epoch."""


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


Pixels = Float32[np.ndarray, "3 size size"]
Progress = Callable[[FinetuneProgress], None]


def finetune(
    quantized: QuantizedNetwork,
    images: LabelledImages,
    *,
    teacher: nn.Module | None = None,
    epochs: int = EPOCHS,
    progress: Progress = lambda _: None,
) -> FinetuneResult:
    """Trains the network's weights and biases, in place, through the rounding of its simulation.

    Given    a quantized network; images that it was trained on, or such ones; the float network to
             learn from, by default the quantized one's own without rounding, which is the float
             network only as long as no bias is corrected
    Result   the weights of the epoch that comes nearest to the teacher on images held out, if more of
             them have the teacher's class than chance would give; else the start's. The grids stay as
             they are. Same images, same result.
    Raises   SettingsError on too few images, on one that cannot be read, and on a teacher that gives
             NaN or infinity. The network is then as it was, and also where it is interrupted.

    Source: Nagel et al., arXiv 2106.08295, section 4; distilled as in Hinton et al., arXiv 1503.02531.
    """
    start = time.perf_counter()
    MOST_EPOCHS.check(epochs)
    check_enough(images)
    with one_thread():
        lesson = _lesson(teacher or quantized.network, images, quantized.preprocessing)
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


def check_enough(images: LabelledImages) -> None:
    """Raises SettingsError on too few images to fine-tune on."""
    if images.count < MINIMUM_IMAGES:
        raise SettingsError(
            f"{images.source} holds {images.count} images, too few to fine-tune on: give {MINIMUM_IMAGES} or "
            "more, best those that the network was trained on"
        )


# --- What is learned


class _Images:
    """Preprocessed images; those that fit into memory are read at once."""

    def __init__(self, images: LabelledImages, preprocessing: Preprocessing) -> None:
        self._paths, self._preprocessing = images.paths, preprocessing
        room = _MEMORY_BYTES // (3 * 4 * preprocessing.size**2)
        self._kept = [self._read(path) for path in images.paths[:room]]

    def batch(self, members: Sequence[int]) -> Tensor:
        return torch.from_numpy(np.stack([self._image(member) for member in members]))

    def _image(self, member: int) -> Pixels:
        return self._kept[member] if member < len(self._kept) else self._read(self._paths[member])

    def _read(self, path: Path) -> Pixels:
        try:
            return self._preprocessing.array(open_image(path))
        except SettingsError as error:
            raise SettingsError(f"{error}; {SKIP_HINT}") from error


@dataclass(frozen=True, slots=True)
class _Lesson:
    """Who teaches, on which images, and what is expected on those held out."""

    teacher: nn.Module
    images: _Images
    trained: tuple[int, ...]
    held_out: tuple[int, ...]
    expected: Tensor


def _lesson(teacher: nn.Module, images: LabelledImages, preprocessing: Preprocessing) -> _Lesson:
    reader = _Images(images, preprocessing)
    trained, held_out = _split(images.classes)
    expected = _answers(teacher, reader, held_out)
    if not expected.isfinite().all():
        raise SettingsError(
            f"the float network gives NaN or infinity on images of {images.source}: train it anew"
        )
    return _Lesson(teacher, reader, trained, held_out, expected)


def _answers(network: nn.Module, images: _Images, members: Sequence[int]) -> Tensor:
    random = np.random.default_rng(_SEED)
    views = (
        _enlarged(images.batch(portion), random) for portion in _portions(members) for _ in range(_VIEWS)
    )
    with torch.no_grad():
        return torch.cat([network(view) for view in views])


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
    same: Tensor = field(repr=False)
    distance: float
    weights: dict[str, Tensor] = field(repr=False)

    @property
    def agreement(self) -> float:
        return float(self.same.float().mean())


class _Pupil:
    """A network in training; `kept` is the best that it was so far."""

    def __init__(self, quantized: QuantizedNetwork, lesson: _Lesson) -> None:
        self._lesson = lesson
        self._simulation = Simulation(quantized)
        self._parameters = list(self._simulation.parameters())
        for parameter in self._parameters:
            parameter.requires_grad_()
        self._random = np.random.default_rng(_SEED)
        self.kept = self._standing(0)

    def train(self, epochs: int, progress: Progress) -> int:
        """Trains for so many epochs, fewer if nothing is gained any more; gives the number run."""
        optimizer = self._optimizer()
        done, total = 0, epochs * len(self._lesson.trained)
        agreement, nearest = self.kept.agreement, self.kept
        progress(FinetuneProgress(done, total, agreement))
        for epoch in range(1, epochs + 1):
            for members in _portions(self._random.permutation(self._lesson.trained).tolist()):
                for group in optimizer.param_groups:
                    group["lr"] = group["size"] * _rate((done + len(members)) / total)
                if not self._step(optimizer, members):
                    return epoch
                done += len(members)
                progress(FinetuneProgress(done, total, agreement))
            now = self._standing(epoch)
            agreement, nearest = now.agreement, now if now.distance < nearest.distance else nearest
            if self._is_better(now):
                self.kept = now
            if epoch - nearest.epoch >= PATIENCE:
                return epoch
        return epochs

    def _optimizer(self) -> torch.optim.Optimizer:
        sizes = [float(each.detach().square().mean().sqrt()) for each in self._parameters]
        return torch.optim.Adam(
            [{"params": [each], "size": size} for each, size in zip(self._parameters, sizes, strict=True)]
        )

    def _step(self, optimizer: torch.optim.Optimizer, members: Sequence[int]) -> bool:
        """One step, if the loss and all gradients are finite."""
        images = _enlarged(self._lesson.images.batch(members), self._random)
        with torch.no_grad():
            expected = self._lesson.teacher(images)
        optimizer.zero_grad()
        loss = _distance(self._simulation(images), expected)
        loss.backward()  # type: ignore[no-untyped-call]
        length = nn.utils.clip_grad_norm_(self._parameters, _LARGEST_GRADIENT)
        if not isfinite(loss.item()) or not isfinite(length.item()):
            return False
        optimizer.step()
        return True

    def _standing(self, epoch: int) -> _Standing:
        lesson = self._lesson
        given = _answers(self._simulation, lesson.images, lesson.held_out)
        same = given.argmax(1) == lesson.expected.argmax(1)
        weights = copy.deepcopy(self._simulation.network.state_dict())
        return _Standing(epoch, same, float(_distance(given, lesson.expected)), weights)

    def _is_better(self, now: _Standing) -> bool:
        mended = int((now.same & ~self.kept.same).sum())
        spoilt = int((self.kept.same & ~now.same).sum())
        # The start goes for a gain beyond chance only; after that, what comes nearer must not lose it again.
        needed = 0.0 if self.kept.epoch else max(1.0, _CHANCE * sqrt(mended + spoilt))
        # Nothing is better for a NaN.
        return now.distance < self.kept.distance and mended - spoilt >= needed


def _rate(passed: float) -> float:
    """The learning rate when this part of all steps has passed: it warms up and falls along a cosine."""
    return LEARNING_RATE * min(1.0, passed / _WARM_UP) * (1 + cos(pi * passed)) / 2


def _enlarged(images: Tensor, random: np.random.Generator) -> Tensor:
    """A square of its own out of each image, enlarged to the full size."""
    part = 1 / random.uniform(1, _ZOOM, (len(images), 1))
    centre = random.uniform(-1, 1, (len(images), 2)) * (1 - part)  # the grid runs from -1 to 1
    where = np.zeros((len(images), 2, 3), np.float32)
    where[:, [0, 1], [0, 1]], where[:, :, 2] = part, centre
    qparams = F.affine_grid(torch.from_numpy(where), list(images.shape), align_corners=False)
    return F.grid_sample(images, qparams, padding_mode="border", align_corners=False)


def _distance(given: Tensor, expected: Tensor) -> Tensor:
    """The squared difference of the logits, as a part of what the expected ones vary by.

    Where a network is sure of its images, probabilities hardly show what rounding does to it.
    """
    given, expected = (logits - logits.mean(1, keepdim=True) for logits in (given, expected))
    return (given - expected).square().sum() / expected.square().sum()
