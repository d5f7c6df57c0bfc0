"""Cheap checks of calibration images: warnings if they look unlike what a network will see."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from micronet_edge.data.image_files import image_files, is_folder
from micronet_edge.data.preprocessing import Images, Preprocessing

FAR_FROM_MEAN = 1.0
"""Largest accepted distance of the images' average from the preprocessing's mean, in standard deviations."""

_MUCH_SMALLER = 0.5


def brightness_notes(images: Images, preprocessing: Preprocessing) -> list[str]:
    """Warns if the images are much darker or brighter than the preprocessing's mean."""
    off = float(images.mean(dtype=np.float64))
    if abs(off) <= FAR_FROM_MEAN:
        return []
    found = float(preprocessing.pixels(images).mean(dtype=np.float64))
    expected = sum(preprocessing.mean) / len(preprocessing.mean)
    note = (
        f"the calibration images are much {'darker' if off < 0 else 'brighter'} than the preprocessing "
        f"expects (average {found:.2f}, its mean {expected:.2f}, white is 1): ranges found on them clip "
        "other images; give images like those the network will see, or check --mean and --std"
    )
    return [note]


def size_notes(short_sides: Sequence[int], preprocessing: Preprocessing) -> list[str]:
    """Warns if most images are enlarged to at least twice their size."""
    small = [side for side in short_sides if side < _MUCH_SMALLER * preprocessing.resize]
    if 2 * len(small) <= len(short_sides):
        return []
    note = (
        f"{len(small)} of {len(short_sides)} calibration images are much smaller than the preprocessing "
        f"expects (median short side {int(np.median(small))} px, enlarged to {preprocessing.resize} px), so "
        "they are blurred; give images of full size unless the network was trained on such small ones"
    )
    return [note]


def class_notes(source: Path, labels: Sequence[str]) -> list[str]:
    """Warns if all images lie in the folder of one class although the network has several."""
    if len(labels) == 1 or not is_folder(source):
        return []
    files = image_files(source)
    parts = [path.relative_to(source).parts[:-1] for path in files]
    above = source.resolve().name
    # Innermost folder first: the folder of the classes may have the name of a class.
    named = {next((part for part in reversed((above, *each)) if part in labels), None) for each in parts}
    (name, *others) = named
    if name is None or others:
        return []
    note = (
        f"all {len(files)} calibration images are of class {name!r}, one of {len(labels)}: ranges found on "
        "one class clip others; give images of every class"
    )
    return [note]
