"""Scenes to detect digits in: handwritten digits pasted onto photographs, with their boxes.

Training draws scenes in memory. The scenes to calibrate and to test on are written as
data/{calibration,test}/NNNN.png, 128 x 128 pixels, with the boxes of the test in data/test.json.
"""

import json
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np
from PIL import Image

from micronet_edge.data.photographs import photographs

DATA = Path(__file__).parent / "data"
DIGITS_EXAMPLE = Path(__file__).parents[1] / "digits"
BOXES = "test.json"
SIZE = 128
STORED = {"calibration": 200, "test": 500}
SEEDS = {"train": 1, "calibration": 2, "test": 3}

SPANS = {"train": (0.0, 0.65), "calibration": (0.0, 0.65), "test": (0.7, 1.0)}
"""The part of each photograph's width that backgrounds come from: no test pixel is trained on."""
SIDE = (64, 130)
"""Side of a background before it is scaled, in pixels."""
DIGITS = (1, 4)
"""Digits in a scene; where one finds no room there are fewer."""
DIGIT_SIDE = (24, 56)
"""Side of a digit's 8 x 8 cells in the scene, in pixels."""
NARROWER = (0.85, 1.0)
"""The share of its height that a digit is wide."""
INK = 0.3
"""The least ink that counts as the digit, for its box."""
CONTRAST = 100
"""Least difference between a digit and the mean of what lies below it, in levels of 255."""
GAP = 2
TRIES = 20


@dataclass(frozen=True, slots=True)
class Box:
    """A digit and its box: left, top, right, bottom, in pixels."""

    label: int
    left: float
    top: float
    right: float
    bottom: float

    @property
    def edges(self) -> tuple[float, float, float, float]:
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True, slots=True)
class Scene:
    """Pixels [SIZE, SIZE, 3] and the boxes of the digits in them."""

    pixels: np.ndarray
    boxes: tuple[Box, ...]


class Scenes:
    """Draws the scenes of a part: its digits on its side of the photographs."""

    def __init__(self, part: str, digits_folder: Path = DIGITS_EXAMPLE / "data") -> None:
        self.part = part
        digits = _digits_example()
        paths = digits.image_paths("test" if part == "test" else "train", digits.write_images(digits_folder))
        self.digits = [np.asarray(Image.open(path)) for path in paths]
        self.labels = [digits.image_label(path) for path in paths]
        self.photographs = [Image.open(path).convert("RGB") for path in photographs()]

    def draw(self, number: int) -> Scene:
        """The scene of that number, the same on every machine."""
        random = np.random.default_rng([SEEDS[self.part], number])
        pixels = self._background(random)
        boxes: list[Box] = []
        for _ in range(int(random.integers(DIGITS[0], DIGITS[1] + 1))):
            if (box := self._paste(pixels, boxes, random)) is not None:
                boxes.append(box)
        return Scene(pixels.clip(0, 255).round().astype(np.uint8), tuple(boxes))

    def _background(self, random: np.random.Generator) -> np.ndarray:
        photograph = self.photographs[random.integers(len(self.photographs))]
        first, last = (share * photograph.width for share in SPANS[self.part])
        side = random.uniform(SIDE[0], min(SIDE[1], last - first, photograph.height))
        left, top = random.uniform(first, last - side), random.uniform(0, photograph.height - side)
        box = (left, top, left + side, top + side)
        crop = np.asarray(photograph.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box), np.float32)
        return (crop[:, ::-1] if random.random() < 0.5 else crop).copy()  # noqa: PLR2004 - as often as not

    def _paste(self, pixels: np.ndarray, others: list[Box], random: np.random.Generator) -> Box | None:
        """Pastes a digit where there is room; None if none was found."""
        which = int(random.integers(len(self.digits)))
        height = int(random.integers(DIGIT_SIDE[0], DIGIT_SIDE[1] + 1))
        width = int(height * random.uniform(*NARROWER))
        ink = Image.fromarray(self.digits[which]).resize((width, height), Image.Resampling.BILINEAR)
        alpha = np.asarray(ink, np.float32)[..., None] / 255
        rows, columns = (np.flatnonzero(alpha[..., 0].max(axis) > INK) for axis in (1, 0))
        for _ in range(TRIES):
            left, top = (int(random.integers(SIZE - length + 1)) for length in (width, height))
            box = Box(
                self.labels[which],
                *(float(left + columns[0]), float(top + rows[0])),
                *(float(left + columns[-1] + 1), float(top + rows[-1] + 1)),
            )
            if not any(_touch(box, other) for other in others):
                part = pixels[top : top + height, left : left + width]
                part += alpha * (_color(part.mean((0, 1)), random) - part)
                return box
        return None


def _color(below: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A colour that stands out from what lies below it."""
    while True:
        color = random.uniform(0, 255, 3)
        if abs(color.mean() - below.mean()) >= CONTRAST:
            return color


def _touch(one: Box, other: Box) -> bool:
    return not (
        one.right + GAP <= other.left
        or other.right + GAP <= one.left
        or one.bottom + GAP <= other.top
        or other.bottom + GAP <= one.top
    )


def write_scenes(folder: Path = DATA) -> Path:
    """Writes all missing scenes to calibrate and test on; returns the folder."""
    if (folder / BOXES).exists() and all(len(scene_paths(part, folder)) == n for part, n in STORED.items()):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    boxes = {}
    # A separate folder, so that remains of a killed run never count as data.
    with TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        for part, count in STORED.items():
            drawn = Scenes(part)
            for number in range(count):
                scene, name = drawn.draw(number), f"{number:04d}.png"
                _move(Image.fromarray(scene.pixels), Path(partial) / name, folder / part / name)
                if part == "test":
                    boxes[name] = [[box.label, *box.edges] for box in scene.boxes]
        (Path(partial) / BOXES).write_text(json.dumps(boxes))
        (Path(partial) / BOXES).replace(folder / BOXES)
    return folder


def scene_paths(part: str, folder: Path = DATA) -> list[Path]:
    """The files of "calibration" or "test", in a fixed order."""
    return sorted((folder / part).glob("*.png"))


def read_boxes(folder: Path = DATA) -> list[tuple[Box, ...]]:
    """The boxes of each scene of the test, in the order of its files."""
    stored = json.loads((folder / BOXES).read_text())
    return [tuple(Box(*each) for each in stored[path.name]) for path in scene_paths("test", folder)]


def _move(image: Image.Image, partial: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(partial)
    partial.replace(path)


def _digits_example() -> ModuleType:
    """The script that writes the digits, from the example beside this one."""
    spec = spec_from_file_location("digits_images", DIGITS_EXAMPLE / "images.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    print(f"{sum(STORED.values())} scenes in {write_scenes()}")
