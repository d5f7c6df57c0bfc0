"""Writes scikit-learn's handwritten digits as folders of PNG files, one folder per class.

data/{train,test}/{0..9}/NNNN.png, 8 x 8 grey pixels; NNNN is the position in load_digits().
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

DATA = Path(__file__).parent / "data"
LABELS = tuple("0123456789")
SPLIT = {"train": 1400, "test": 397}
SPLIT_SEED = 0
BRIGHTEST = 16
"""Maximum count of dark pixels in a 4 x 4 cell of the scan, written as white."""


def write_images(folder: Path = DATA) -> Path:
    """Writes all missing digits; returns the folder.

    Does nothing, and needs no scikit-learn, if every file exists. Files appear whole or not at all, so that a
    run after an interrupted one writes only the rest.
    """
    if all(len(image_paths(part, folder)) == count for part, count in SPLIT.items()):
        return folder

    try:
        from sklearn.datasets import load_digits  # not needed once the files exist
    except ModuleNotFoundError as error:
        raise SystemExit(f"error: the digits need {error.name}: pip install -e '.[examples]'") from None

    digits = load_digits()
    folder.mkdir(parents=True, exist_ok=True)
    # A separate folder, so that remains of a killed run never count as data, and parallel runs do not
    # collide.
    with TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        for part, members in _split(digits.target).items():
            for member in members:
                path = folder / part / LABELS[digits.target[member]] / f"{member:04d}.png"
                if not path.exists():
                    _write_png(path, digits.images[member], Path(partial))
    return folder


def image_paths(part: str, folder: Path = DATA) -> list[Path]:
    """The files of "train" or "test", in a fixed order."""
    return sorted((folder / part).glob("[0-9]/*.png"))


def image_label(path: Path) -> int:
    """The class of a file, from its folder."""
    return LABELS.index(path.parent.name)


def _split(classes: np.ndarray) -> dict[str, list[int]]:
    from sklearn.model_selection import train_test_split

    # Stratified: every digit has the same share in both parts.
    train, test = train_test_split(
        np.arange(len(classes)),
        train_size=SPLIT["train"],
        test_size=SPLIT["test"],
        stratify=classes,
        random_state=SPLIT_SEED,
    )
    return {"train": sorted(train.tolist()), "test": sorted(test.tolist())}


def _write_png(path: Path, cells: np.ndarray, partial: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.round(cells * (255 / BRIGHTEST)).astype(np.uint8)
    Image.fromarray(grey).save(partial / path.name)
    (partial / path.name).replace(path)


if __name__ == "__main__":
    print(f"{sum(SPLIT.values())} images in {write_images()}")
