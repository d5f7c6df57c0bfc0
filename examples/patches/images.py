"""Writes crops of twenty photographs as folders of PNG files, one folder per photograph.

data/{train,calibration,develop,test}/{photograph}/NNNN.png, 96 x 96 pixels; NNNN counts the draws. The task
is to recognize the photograph of a crop. Training crops come from the left 65 % of a photograph, all others
from its right 30 %, so that no test pixel is used in training. Use "develop" for experiments; "test" is for
reported figures. data/large holds training crops of 192 x 192 pixels, unchanged pixels of the photograph, of
which `micronet-edge train` takes other crops in every epoch.
"""

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageOps

DATA = Path(__file__).parent / "data"
SIZE = 96
LARGE = 192
"""Side of a large crop in pixels of the photograph; as high as the photograph where that is lower."""
COUNTS = {"large": 200, "train": 100, "calibration": 20, "develop": 200, "test": 200}
"""Crops per photograph. "large" is to train on; "train" is for tools that need crops as those of the test."""
SEEDS = {"train": 1, "develop": 2, "test": 3, "calibration": 4, "large": 5}
_LEFT, _RIGHT = (0.0, 0.65), (0.70, 1.0)
SPANS = {"large": _LEFT, "train": _LEFT, "calibration": _LEFT, "develop": _RIGHT, "test": _RIGHT}
"""The range of a photograph's width for the crops of each part, at least 19 pixels apart."""

TALLEST = 512
"""Maximum height in pixels; taller photographs are scaled down, so that crops show a similar extent."""
SIDE = (48, 108)
"""Side of a crop in pixels of the photograph, before scaling to SIZE."""
GAIN = (0.75, 1.3)
LIFT = 25.0
"""Brightness changes: range of the gain, and maximum offset in grey levels."""

SCIKIT_IMAGE = (
    *("astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png"),
    *("coffee.png", "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png"),
    *("moon.png", "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png"),
)
SCIKIT_LEARN = ("china.jpg", "flower.jpg")
LABELS = tuple(sorted(Path(name).stem for name in SCIKIT_IMAGE + SCIKIT_LEARN))


def write_images(folder: Path = DATA) -> Path:
    """Writes all missing crops in a minute; returns the folder.

    Does nothing, and needs neither scikit package, if every file exists. Files appear whole or not at all, so
    that a run after an interrupted one writes only the rest.
    """
    if all(len(image_paths(part, folder)) == len(LABELS) * count for part, count in COUNTS.items()):
        return folder

    pictures = photographs()
    folder.mkdir(parents=True, exist_ok=True)
    # A separate folder, so that remains of a killed run never count as data, and parallel runs do not
    # collide.
    with TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        for part, count in COUNTS.items():
            for label, number in product(range(len(LABELS)), range(count)):
                path = folder / part / LABELS[label] / f"{number:04d}.png"
                if not path.exists():
                    # One random stream per file, so that it does not depend on the other files.
                    random = np.random.default_rng([SEEDS[part], label, number])
                    draw = draw_large if part == "large" else draw_crop
                    _write_png(path, draw(pictures[label], part, random), Path(partial))
    return folder


def image_paths(part: str, folder: Path = DATA) -> list[Path]:
    """The files of a part, in a fixed order."""
    return [path for label in LABELS for path in sorted((folder / part / label).glob("*.png"))]


def image_label(path: Path) -> int:
    """The class of a file, from its folder."""
    return LABELS.index(path.parent.name)


def photographs() -> list[Image.Image]:
    """The photographs in the order of LABELS, in colour, none taller than TALLEST."""
    import skimage  # not needed once the files exist
    import sklearn

    folders = {
        Path(skimage.__file__).parent / "data": SCIKIT_IMAGE,
        Path(sklearn.__file__).parent / "datasets" / "images": SCIKIT_LEARN,
    }
    paths = [folder / name for folder, names in folders.items() for name in names]
    return [_photograph(path) for path in sorted(paths, key=lambda path: path.stem)]


def draw_crop(photograph: Image.Image, part: str, random: np.random.Generator) -> Image.Image:
    """A crop of SIZE x SIZE pixels from the part's range, with random scale, mirroring and brightness."""
    box = draw_box(photograph.width, photograph.height, part, random)
    crop = photograph.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box)
    if random.random() < 0.5:  # noqa: PLR2004  # as often as not
        crop = ImageOps.mirror(crop)
    lit = np.asarray(crop) * random.uniform(*GAIN) + random.uniform(-LIFT, LIFT)
    return Image.fromarray(lit.clip(0, 255).round().astype(np.uint8))


def draw_large(photograph: Image.Image, part: str, random: np.random.Generator) -> Image.Image:
    """A crop of LARGE x LARGE pixels from the part's range, as it is."""
    first, last = (share * photograph.width for share in SPANS[part])
    height = min(LARGE, photograph.height)
    left = int(random.integers(round(first), int(last) - LARGE + 1))
    top = int(random.integers(photograph.height - height + 1))
    return photograph.crop((left, top, left + LARGE, top + height))


def draw_box(
    width: int, height: int, part: str, random: np.random.Generator
) -> tuple[float, float, float, float]:
    """A random square in the part's range: left, top, right, bottom, in pixels."""
    side = random.uniform(*SIDE)
    first, last = (share * width for share in SPANS[part])
    left = random.uniform(first, last - side)
    top = random.uniform(0, height - side)
    return left, top, left + side, top + side


def _photograph(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if picture.height > TALLEST:
        picture = picture.resize(
            (picture.width * TALLEST // picture.height, TALLEST), Image.Resampling.LANCZOS
        )
    return picture


def _write_png(path: Path, crop: Image.Image, partial: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    crop.save(partial / path.name)
    (partial / path.name).replace(path)


if __name__ == "__main__":
    print(f"{len(LABELS) * sum(COUNTS.values()):,} images in {write_images()}")
