"""A synthetic task: letters in any colour, on any background, in any light; and an m0 trained on it.

    python benchmarks/suites/glyphs.py FOLDER

writes FOLDER/glyphs.safetensors and FOLDER/glyphs/{calibration,test}/{letter}/NNNN.png if they are missing,
in about ten minutes on one core. No image is drawn twice, since each has its own seed.
"""

import time
from pathlib import Path

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional as F

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.models import MicroNet, save_checkpoint
from micronet_edge.util.terminal import say

LABELS = tuple("ABCEFGHJKLMNPRSTUXYZ")
SIZE = 64
PREPROCESSING = Preprocessing(size=SIZE, resize=SIZE)
COUNTS = {"calibration": 10, "test": 150}
"""Images per letter."""
SEEDS = {"train": 1, "calibration": 2, "test": 3}

STEPS, BATCH = 1700, 64
LEARNING_RATE, WEIGHT_DECAY, WARMUP = 0.1, 1e-4, 0.05

FINER = 2
"""Supersampling factor, for smooth edges."""
HEIGHT = (0.32, 0.7)
TURN = 30.0
"""Height of a letter relative to the image, and maximum rotation in degrees."""
CONTRAST = 35.0
"""Minimum difference of letter and background, in grey levels."""
SHADE = (0.55, 1.0)
"""Brightness at the darker end of an image, relative to the other end."""
GAIN = (0.75, 1.3)
NOISE = 18.0


def draw(label: int, random: np.random.Generator) -> Image.Image:
    """An image of the letter, SIZE x SIZE pixels."""
    ground, ink = _colours(random)
    canvas = Image.new("RGB", (SIZE * FINER, SIZE * FINER), ground)
    _scribble(ImageDraw.Draw(canvas), ground, random)
    mask = _letter(LABELS[label], canvas.size, random)
    canvas.paste(Image.new("RGB", canvas.size, ink), mask=mask)
    pixels = np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.BOX), np.float64)
    pixels = pixels * _shade(random)[:, :, None] * random.uniform(*GAIN)
    pixels += random.normal(0, random.uniform(0, NOISE), pixels.shape)
    return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))


def _colours(random: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    while True:
        first, second = random.integers(0, 256, (2, 3))
        if abs(int(first.sum()) - int(second.sum())) > 3 * CONTRAST:
            return tuple(first.tolist()), tuple(second.tolist())


def _scribble(canvas: ImageDraw.ImageDraw, ground: tuple[int, ...], random: np.random.Generator) -> None:
    """Strokes and blots, slightly lighter or darker than the background."""
    side = SIZE * FINER
    for _ in range(random.integers(3, 12)):
        colour = tuple(int(each) for each in (ground + random.normal(0, 35, 3)).clip(0, 255))
        ends = [(float(x), float(y)) for x, y in random.uniform(0, side, (2, 2))]
        if random.random() < 0.5:  # noqa: PLR2004  # as often as not
            canvas.line(ends, fill=colour, width=int(random.integers(2, 14)))
        else:
            (x, y), radius = ends[0], random.uniform(4, side / 4)
            canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _letter(text: str, size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """The mask of the letter, rotated and placed."""
    font = ImageFont.load_default(size=random.uniform(*HEIGHT) * size[1] * 1.3)
    mask = Image.new("L", size)
    centre = np.array(size) / 2 + random.uniform(-0.15, 0.15, 2) * size
    stroke = int(random.integers(0, 3))
    ImageDraw.Draw(mask).text(tuple(centre), text, fill=255, font=font, anchor="mm", stroke_width=stroke)
    return mask.rotate(random.uniform(-TURN, TURN), Image.Resampling.BILINEAR)


def _shade(random: np.random.Generator) -> NDArray[np.float64]:
    """Brightness [SIZE, SIZE] that decreases from one side to the other."""
    angle, darkest = random.uniform(0, 2 * np.pi), random.uniform(*SHADE)
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    slope = (x * np.cos(angle) + y * np.sin(angle)) / np.sqrt(2)
    shade: NDArray[np.float64] = darkest + (1 - darkest) * (slope + 1) / 2
    return shade


def write_images(folder: Path) -> Path:
    """Writes missing images of each part; returns the folder."""
    for part, count in COUNTS.items():
        for label, letter in enumerate(LABELS):
            (folder / part / letter).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                path = folder / part / letter / f"{number:04d}.png"
                if not path.exists():
                    draw(label, np.random.default_rng([SEEDS[part], label, number])).save(path)
    return folder


def train() -> MicroNet:
    """Trains an m0 from scratch on newly drawn images."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = np.random.default_rng(SEEDS["train"])
    network = MicroNet("m0", num_classes=len(LABELS)).train()
    optimizer = torch.optim.SGD(
        network.parameters(), LEARNING_RATE, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=STEPS, pct_start=WARMUP
    )
    start = time.perf_counter()
    for step in range(STEPS):
        classes = random.integers(len(LABELS), size=BATCH)
        images = np.stack([PREPROCESSING.array(draw(label, random)) for label in classes])
        logits = network(torch.from_numpy(images))
        loss = F.cross_entropy(logits, torch.from_numpy(classes))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            right = float((logits.argmax(1).numpy() == classes).mean())
            seconds = time.perf_counter() - start
            say(f"step {step} of {STEPS}: loss {loss.item():.3f}, accuracy {right:.0%}, {seconds:.0f} s")
    return network.eval()


def write_network(folder: Path) -> Path:
    """Trains and writes the checkpoint if it is missing; returns its path."""
    path = folder / "glyphs.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(train(), path, preprocessing=PREPROCESSING, labels=LABELS)
    return path


def main(folder: Path) -> None:
    """Writes the images and the checkpoint."""
    say(f"{write_images(folder / 'glyphs')}, {write_network(folder)}")


if __name__ == "__main__":
    typer.run(main)
