"""Exports the trained network to both formats and classifies the digits in three runtimes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from micronet_edge.data.preprocessing import Images, Preprocessing
from micronet_edge.demo.digits import Digit, checkpoint, digits, write_images
from micronet_edge.errors import VerificationError
from micronet_edge.pipeline.run import export
from micronet_edge.settings import ExportSettings

WARMUP, ROUNDS = 20, 200
_RUNTIMES = {"onnx": "ONNX Runtime", "tflite": "LiteRT"}


@dataclass(frozen=True, slots=True)
class Contender:
    """A network in a runtime: its preprocessed images, and the labels that it gave them."""

    name: str
    file: Path
    images: Images
    run: Callable[[Images], np.ndarray]
    answers: np.ndarray


@dataclass(frozen=True, slots=True)
class Result:
    """What the demo found: PyTorch first, then each file; `latencies_ms` is [rounds, contenders]."""

    contenders: tuple[Contender, ...]
    digits: tuple[Digit, ...]
    latencies_ms: np.ndarray

    @property
    def truth(self) -> np.ndarray:
        """The labels of the digits."""
        return np.array([digit.label for digit in self.digits])


def run(output: Path, report: Callable[[str], None]) -> Result:
    """Writes the files and the digits into a folder, replacing those of an earlier demo.

    Args:
        output: The folder.
        report: Is told each step as it begins.

    Raises:
        MicronetEdgeError: If a file cannot be written, or does not compute what the network does.
    """
    report("loading PyTorch")
    settings = ExportSettings(formats=tuple(_RUNTIMES), output=output, overwrite=True)
    files = export(checkpoint(), settings=settings, report=report)
    report("reading the test images in all three runtimes")
    shown = digits()
    contenders = (_pytorch(shown), *(_exported(_RUNTIMES[file.format], file.path, shown) for file in files))
    report(f"timing each on {ROUNDS} single images")
    result = Result(contenders, shown, latencies_ms(contenders))
    check_agreement(contenders)
    write_images(output / "digits")
    return result


def latencies_ms(contenders: tuple[Contender, ...]) -> np.ndarray:
    """Milliseconds per image, [ROUNDS, contenders]."""
    taken = np.empty((WARMUP + ROUNDS, len(contenders)))
    for number, row in enumerate(taken):  # round by round, so that a disturbance affects all
        for index in range(len(contenders))[:: -1 if number % 2 else 1]:
            image = contenders[index].images[[number % len(contenders[index].images)]]
            start = time.perf_counter_ns()
            contenders[index].run(image)
            row[index] = (time.perf_counter_ns() - start) / 1e6
    return taken[WARMUP:]


def check_agreement(contenders: tuple[Contender, ...]) -> None:
    """Raises VerificationError if a file's answers differ from those of its network."""
    for contender in contenders:
        if (differs := contender.answers != contenders[0].answers).any():
            raise VerificationError(
                f"{contender.name} classifies {differs.sum()} of {differs.size} images differently from "
                "PyTorch: please report this"
            )


def _pytorch(shown: tuple[Digit, ...]) -> Contender:
    """The trained network itself."""
    import torch

    from micronet_edge.models import load_checkpoint

    torch.set_num_threads(1)
    loaded = load_checkpoint(checkpoint())
    assert loaded.preprocessing is not None
    assert loaded.labels is not None

    def run(images: Images) -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(loaded.network(torch.from_numpy(images)))

    images = _batch(shown, loaded.preprocessing)
    return Contender("PyTorch", checkpoint(), images, run, np.array(loaded.labels)[run(images).argmax(1)])


def _exported(name: str, file: Path, shown: tuple[Digit, ...]) -> Contender:
    """An exported file, with its own labels and preprocessing."""
    from micronet_edge.targets.registry import target_of

    target = target_of(file)
    metadata, session = target.read_metadata(file), target.open(file, threads=1)
    images = _batch(shown, metadata.preprocessing)
    return Contender(
        name, file, images, session.run, np.array(metadata.labels)[session.run(images).argmax(1)]
    )


def _batch(shown: tuple[Digit, ...], preprocessing: Preprocessing) -> Images:
    return np.stack([preprocessing.array(digit.image.convert("RGB")) for digit in shown])
