"""The digits that the demo classifies, and the network that has learnt others.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, doi:10.24432/C50P49, CC BY 4.0,
as scikit-learn ships it; grey values scaled from 0..16 to 0..255.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from micronet_edge.errors import SettingsError

HERE = Path(__file__).resolve().parent
SHEET, NUMBERS, CHECKPOINT = HERE / "digits.png", HERE / "digits.json", "m0-digits.safetensors"
SIDE, COLUMNS = 8, 20
"""Pixels of a digit's side, and digits in a row of the sheet."""


@dataclass(frozen=True, slots=True)
class Digit:
    """One handwritten digit: its class and its name in the data set, such as `7/0081`."""

    label: str
    name: str
    image: Image.Image


def digits() -> tuple[Digit, ...]:
    """All test images, none of which the network was trained on."""
    sheet = Image.open(SHEET)
    numbers: dict[str, list[int]] = json.loads(NUMBERS.read_text(encoding="utf-8"))
    named = [(label, number) for label, own in numbers.items() for number in own]
    return tuple(
        Digit(label, f"{label}/{number:04d}", sheet.crop(_box(place)))
        for place, (label, number) in enumerate(named)
    )


def checkpoint() -> Path:
    """The trained network: beside this module where it is installed, among the examples in a checkout.

    Raises:
        SettingsError: If neither has it.
    """
    places = (HERE / CHECKPOINT, HERE.parents[2] / "examples" / "digits" / CHECKPOINT)
    for place in places:
        if place.is_file():
            return place
    raise SettingsError(f"{places[0]} is missing: install micronet-edge again, from a wheel or a checkout")


def write_images(folder: Path) -> None:
    """Writes the digits as PNG files in a folder for each class."""
    for digit in digits():
        path = folder / f"{digit.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        digit.image.save(path)


def pixels(digit: Digit) -> np.ndarray:
    """The grey values, [8, 8]."""
    return np.asarray(digit.image)


def _box(place: int) -> tuple[int, int, int, int]:
    row, column = divmod(place, COLUMNS)
    return (column * SIDE, row * SIDE, (column + 1) * SIDE, (row + 1) * SIDE)
