"""Runs networks on many image files in small portions, in several processes if that is faster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from micronet_edge.data.image_folders import SKIP_HINT
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError, VerificationError
from micronet_edge.evaluation.networks import Named, Network, open_network, shown
from micronet_edge.kernels import Kernels
from micronet_edge.models.factories import Factory
from micronet_edge.models.wrappings import Weights
from micronet_edge.targets.session_protocol import Logits
from micronet_edge.util.limits import PROCESSES
from micronet_edge.util.processes import in_processes, usable_cores

Ranked = Int32[np.ndarray, "n best"]
Progress = Callable[[int, int], None]
_Portion = tuple[Path, ...]
_Answers = list[tuple[Ranked, ...]]

PORTION = 32
"""Images in memory at a time, per process."""

WORTH_A_PROCESS = 500
"""Images that one process reads in the seconds in which another imports PyTorch and the runtime."""


@dataclass(frozen=True, slots=True)
class Question:
    """Networks to run, and the number of `best` classes to return per image.

    `weights` is for checkpoints that hold both averaged (ema) and raw ones, `metadata` for user's networks.
    """

    networks: tuple[Named, ...]
    preprocessing: Preprocessing
    classes: int
    best: int
    kernels: Kernels
    weights: Weights | None = None
    metadata: FileMetadata | None = None

    def opened(self, network: Named) -> Network:
        """One of the networks, ready to run."""
        return open_network(network, self.kernels, self.weights, self.metadata)


def ask(
    question: Question, paths: Sequence[Path], processes: int | None, progress: Progress
) -> tuple[Ranked, ...]:
    """The best classes of every image, best first, from each network.

    Given    image files; the number of processes (None chooses by the number of cores); `progress` is called
             with the number of finished images and of all images
    Result   for each network an array [n, best]; equal logits are in class order
    Raises   SettingsError on an unreadable image, VerificationError on logits that are not finite or of
             another number of classes, and what opening the files raises.
    """
    portions = [tuple(paths[start : start + PORTION]) for start in range(0, len(paths), PORTION)]
    count = min(_processes(len(paths), processes), len(portions))
    if not all(_is_anywhere_the_same(each) for each in question.networks):
        count = 1
    done = 0

    def report(portion: _Portion) -> None:
        nonlocal done
        done += len(portion)
        progress(done, len(paths))

    progress(0, len(paths))
    if count == 1:
        answers = _ask_here(question, portions, report)
    else:
        answers = in_processes(partial(_answer_in_process, question), portions, count, report)
    return tuple(np.concatenate(each) for each in zip(*answers, strict=True))


def _is_anywhere_the_same(network: Named) -> bool:
    """Whether every process would open the same network; False for a module or an unseeded factory."""
    return isinstance(network, Path) or (isinstance(network, Factory) and network.weights is not None)


def _processes(images: int, asked: int | None) -> int:
    if asked is None:
        cores = usable_cores()
        return max(1, min(cores, images // WORTH_A_PROCESS))
    PROCESSES.check(asked)
    return asked


def _ask_here(
    question: Question, portions: Sequence[_Portion], report: Callable[[_Portion], None]
) -> _Answers:
    networks = [question.opened(each) for each in question.networks]
    answers = []
    for portion in portions:
        answers.append(_answer(question, networks, portion))
        report(portion)
    return answers


def _answer_in_process(question: Question, portion: _Portion) -> tuple[Ranked, ...]:
    return _answer(question, _opened(question), portion)


@cache
def _opened(question: Question) -> tuple[Network, ...]:
    return tuple(question.opened(each) for each in question.networks)


def _answer(question: Question, networks: Sequence[Network], portion: _Portion) -> tuple[Ranked, ...]:
    try:
        images = question.preprocessing.batch(portion)
    except SettingsError as error:
        raise SettingsError(f"{error}; {SKIP_HINT}") from error
    answers = []
    for given, network in zip(question.networks, networks, strict=True):
        logits = network.run(images)
        _check(shown(given), logits, portion, question.classes)
        order = np.argsort(-logits, axis=1, kind="stable")
        answers.append(order[:, : question.best].astype(np.int32))
    return tuple(answers)


def _check(path: Path, logits: Logits, portion: _Portion, classes: int) -> None:
    if logits.shape != (len(portion), classes):
        raise VerificationError(
            f"{path} outputs {list(logits.shape[1:])} values per image and has {classes} labels: "
            "give one label per class"
        )
    if not (finite := np.isfinite(logits).all(1)).all():
        image = portion[int(np.argmin(finite))]
        raise VerificationError(
            f"{path} outputs NaN or infinity for {image}: export it again, or train it again"
        )
