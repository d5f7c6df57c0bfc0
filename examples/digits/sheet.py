"""Writes the test images into the sheet that `micronet-edge demo` carries."""

import json

import images as data  # type: ignore[import-not-found]  # beside this script, in no package
import numpy as np
from PIL import Image

from micronet_edge.demo.digits import COLUMNS, NUMBERS, SHEET, SIDE


def main() -> None:
    """Writes both files; the sheet's order is that of the paths."""
    paths = data.image_paths("test", data.write_images())
    rows = -(-len(paths) // COLUMNS)
    sheet = Image.fromarray(np.zeros((rows * SIDE, COLUMNS * SIDE), np.uint8))
    numbers: dict[str, list[int]] = {label: [] for label in data.LABELS}
    for place, path in enumerate(paths):
        row, column = divmod(place, COLUMNS)
        sheet.paste(Image.open(path), (column * SIDE, row * SIDE))
        numbers[path.parent.name].append(int(path.stem))
    sheet.save(SHEET, optimize=True)
    NUMBERS.write_text(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main()
