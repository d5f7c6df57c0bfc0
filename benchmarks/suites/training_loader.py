"""How fast training images are read: decoders, the loader alone, and the loader with a training step.

    python benchmarks/suites/training_loader.py

makes PNG files of 96 px and JPEG files of 500 x 375 and 2048 x 1536 px out of the bundled photographs.
Decoders take turns on the same images and crops, on one thread. Then a training step of m0 alone, the loader
alone and both together take turns, on one thread and with 0, 1 and 2 worker processes.

Writes benchmarks/results/training_loader.json.
"""

import io
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import kornia_rs
import numpy as np
import torch
import typer
from PIL import Image
from torch.nn import functional

from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing, open_image
from micronet_edge.models import MicroNet
from micronet_edge.training import decode
from micronet_edge.training.augment import Augmentation
from micronet_edge.training.decode import random_box, training_pixels
from micronet_edge.training.images import ImageSet
from micronet_edge.training.loader import LoaderSettings, TrainingLoader, loader_speed
from micronet_edge.training.recipe import AugmentationRecipe, Recipe
from micronet_edge.training.stores import FolderStore
from micronet_edge.util.output_files import write_text
from micronet_edge.util.terminal import say
from micronet_edge_bench.runner.facts import environment

IMAGES, BATCH, WORKERS, CLASSES, TURNS = 160, 32, (0, 1, 2), 10, 5
REPEATED = 10  # in an epoch, which is short otherwise: its first batches are not read ahead
RECIPE = AugmentationRecipe(crop_area=(0.08, 1.0), mirror=True)
WITHOUT_DRAFT = 1_000_000
RESULT = Path(__file__).parents[1] / "results" / "training_loader.json"

Decoder = Callable[[bytes, Preprocessing, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Kind:
    """Encoded images of one kind, and the side of the network's input."""

    name: str
    size: tuple[int, int]
    suffix: str
    side: int

    def encoded(self, number: int) -> bytes:
        """A part of a bundled photograph, enlarged or reduced to the size."""
        random = np.random.default_rng(number)
        image = open_image(photographs()[number % len(photographs())]).convert("RGB")
        box = random_box(image.size, AugmentationRecipe(crop_area=(0.5, 1.0)), random)
        stream = io.BytesIO()
        quality = {"quality": 92} if self.suffix == "JPEG" else {}
        image.resize(self.size, Image.Resampling.BICUBIC, box=box).save(stream, self.suffix, **quality)
        return stream.getvalue()


KINDS = (
    Kind("PNG 96 x 96", (96, 96), "PNG", 96),
    Kind("JPEG 500 x 375", (500, 375), "JPEG", 224),
    Kind("JPEG 2048 x 1536", (2048, 1536), "JPEG", 224),
)


def main(rounds: int = 40, seconds: float = 3.0, *, output: Path = RESULT) -> None:
    """Measures all kinds and writes the result."""
    torch.set_num_threads(1)
    rows = [measured(kind, rounds, seconds) for kind in KINDS]
    content = json.dumps({"environment": environment(), "batch": BATCH, "rows": rows}) + "\n"
    write_text(content, output, overwrite=True)
    for row in rows:
        for line in _lines(row):
            say(line)


def measured(kind: Kind, rounds: int, seconds: float) -> dict[str, Any]:
    """Decoders, loaders and training of one kind of images."""
    preprocessing = Preprocessing.imagenet(kind.side)
    contents = [kind.encoded(number) for number in range(IMAGES)]
    decoders = in_turn(kind, contents, preprocessing, rounds)
    with tempfile.TemporaryDirectory() as folder:
        images = written(Path(folder), contents)
        loaders = [together(images, preprocessing, workers, seconds) for workers in WORKERS]
    return {"images": kind.name, "side": kind.side, "decoder_ms": decoders, "loaders": loaders}


def in_turn(
    kind: Kind, contents: list[bytes], preprocessing: Preprocessing, rounds: int
) -> dict[str, dict[str, float]]:
    """The median milliseconds of each decoder, and how far its pixels are from Pillow's full decode."""
    decoders: dict[str, Decoder] = {"pillow": pillow_full, "pillow, draft": pillow_draft}
    decoders["pillow, torch resizes"] = torch_resizes
    if kind.suffix == "JPEG":
        decoders |= {"kornia_rs, pillow resizes": kornia_decodes, "kornia_rs alone": kornia_alone}
    taken: dict[str, list[float]] = {name: [] for name in decoders}
    errors: dict[str, list[float]] = {name: [] for name in decoders}
    for number in range(-2, rounds):
        content = contents[number % len(contents)]
        expected = pillow_full(content, preprocessing, np.random.default_rng(number + 2)).astype(float)
        for name in sorted(decoders, reverse=bool(number % 2)):
            random = np.random.default_rng(number + 2)
            start = time.perf_counter()
            pixels = decoders[name](content, preprocessing, random)
            if number >= 0:
                taken[name].append((time.perf_counter() - start) * 1e3)
                errors[name].append(float(np.sqrt(((pixels - expected) ** 2).mean())))
    return {
        name: {"median_ms": median(taken[name]), "rms_difference": median(errors[name])} for name in decoders
    }


def pillow_draft(content: bytes, preprocessing: Preprocessing, random: np.random.Generator) -> np.ndarray:
    """As training does."""
    return training_pixels(content, "image", preprocessing, RECIPE, random)


def pillow_full(content: bytes, preprocessing: Preprocessing, random: np.random.Generator) -> np.ndarray:
    """As training does, but for draft mode."""
    before, decode.DRAFT_MARGIN = decode.DRAFT_MARGIN, WITHOUT_DRAFT
    try:
        return training_pixels(content, "image", preprocessing, RECIPE, random)
    finally:
        decode.DRAFT_MARGIN = before


def torch_resizes(content: bytes, preprocessing: Preprocessing, random: np.random.Generator) -> np.ndarray:
    """Pillow decodes, PyTorch resizes the crop with antialiasing."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    left, top, right, bottom = random_box(image.size, RECIPE, random)
    crop = torch.from_numpy(np.array(image))[top:bottom, left:right].permute(2, 0, 1)[None]
    side = (preprocessing.size, preprocessing.size)
    resized = functional.interpolate(crop, side, mode="bilinear", antialias=True, align_corners=False)
    return resized[0].numpy()


def kornia_decodes(content: bytes, preprocessing: Preprocessing, random: np.random.Generator) -> np.ndarray:
    """kornia_rs decodes, Pillow resizes."""
    image = Image.fromarray(kornia_rs.io.decode_image_jpegturbo(content, "rgb"))
    box = random_box(image.size, RECIPE, random)
    side = (preprocessing.size, preprocessing.size)
    return np.asarray(image.resize(side, Image.Resampling.BILINEAR, box=box)).transpose(2, 0, 1)


def kornia_alone(content: bytes, preprocessing: Preprocessing, random: np.random.Generator) -> np.ndarray:
    """kornia_rs decodes and resizes; its bilinear interpolation has no antialiasing."""
    pixels = kornia_rs.io.decode_image_jpegturbo(content, "rgb")
    left, top, right, bottom = random_box((pixels.shape[1], pixels.shape[0]), RECIPE, random)
    crop = np.ascontiguousarray(pixels[top:bottom, left:right])
    side = (preprocessing.size, preprocessing.size)
    return np.asarray(kornia_rs.imgproc.resize(crop, side, "bilinear")).transpose(2, 0, 1)


def written(folder: Path, contents: list[bytes]) -> ImageSet:
    """The images as files, each several times in the set."""
    names = [f"{number:04d}" for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        (folder / name).write_bytes(content)
    often = names * REPEATED
    return ImageSet(FolderStore(folder, often), tuple(number % CLASSES for number in range(len(often))))


class Training:
    """A training step of m0."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        torch.manual_seed(0)
        self._network = MicroNet("m0", CLASSES).train()
        self._optimizer = torch.optim.SGD(self._network.parameters(), 0.01, momentum=0.9, nesterov=True)
        self._augment = Augmentation(RECIPE, preprocessing)

    def step(self, images: torch.Tensor, classes: torch.Tensor) -> None:
        inputs, targets = self._augment(images, classes, CLASSES)
        loss = functional.cross_entropy(self._network(inputs), targets)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        self._optimizer.step()

    def alone(self, images: torch.Tensor, classes: torch.Tensor, seconds: float) -> float:
        """Images a second on one batch."""
        self.step(images, classes)
        start, steps = time.perf_counter(), 0
        while (taken := time.perf_counter() - start) < seconds:
            self.step(images, classes)
            steps += 1
        return steps * len(images) / taken

    def fed(self, loader: TrainingLoader, seconds: float) -> tuple[float, float]:
        """Images a second on the batches of a loader, and the share of the time it waits for them."""
        start, waited, steps, epoch = 0.0, 0.0, -2, 0  # two steps of warm-up
        while True:
            epoch += 1
            before = time.perf_counter()
            for batch in loader.epoch(epoch):
                now = time.perf_counter()
                if steps == 0:
                    start = now
                elif steps > 0:
                    waited += now - before
                self.step(batch.images, batch.classes)
                steps += 1
                before = time.perf_counter()
                if steps > 0 and (taken := before - start) >= seconds:
                    return steps * BATCH / taken, waited / taken


def together(images: ImageSet, preprocessing: Preprocessing, workers: int, seconds: float) -> dict[str, Any]:
    """Images a second of the step alone, of the loader alone and of both, in turn."""
    loader, training = _loader(images, preprocessing, workers), Training(preprocessing)
    batch = next(iter(_loader(images, preprocessing, 0).epoch(1)))
    turns = []
    try:
        for _ in range(TURNS):
            step = training.alone(batch.images, batch.classes, seconds)
            turns.append((step, loader_speed(loader, seconds), *training.fed(loader, seconds)))
    finally:
        loader.close()
    names = ("step_alone_per_s", "loader_per_s", "training_per_s", "waited_share")
    return {
        "workers": workers,
        **{name: median(values) for name, values in zip(names, zip(*turns, strict=True), strict=True)},
        "share_of_slower": median(both / min(step, alone) for step, alone, both, _ in turns),
        "turns": turns,
    }


def _loader(images: ImageSet, preprocessing: Preprocessing, workers: int) -> TrainingLoader:
    settings = LoaderSettings(BATCH, workers=workers)
    return TrainingLoader(images, preprocessing, Recipe(augmentation=RECIPE), settings)


def _lines(row: dict[str, Any]) -> list[str]:
    head = f"{row['images']} to {row['side']} px"
    decoders = [
        f"{head}: {name} {each['median_ms']:.2f} ms, differs by {each['rms_difference']:.2f} levels"
        for name, each in row["decoder_ms"].items()
    ]
    loaders = [
        f"{head}: {each['workers']} workers: loader {each['loader_per_s']:.0f} images/s, step alone "
        f"{each['step_alone_per_s']:.0f}, training {each['training_per_s']:.0f}, "
        f"{each['share_of_slower']:.2f} of the slower; "
        f"waits for the loader {each['waited_share']:.1%} of the time"
        for each in row["loaders"]
    ]
    return decoders + loaders


if __name__ == "__main__":
    typer.run(main)
