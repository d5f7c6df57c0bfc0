"""Splits images into training and validation by a hash of each image's pixels, and writes the split down.

An image's part depends on the image alone. So further images move none, and copies of an image, under
whatever name, in whatever class, with whatever metadata, are all in one part.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from micronet_edge.errors import SettingsError
from micronet_edge.training.images import Dataset
from micronet_edge.util.output_files import write_text

VALIDATION_SHARE = 0.2
"""Share of the images that are for validation."""

_BITS = 64  # of the hash decide


def is_for_validation(sha256: str) -> bool:
    """Whether an image with this hash is for validation."""
    return int(sha256[: _BITS // 4], 16) < VALIDATION_SHARE * (1 << _BITS)


def split(hashes: Sequence[str], classes: Sequence[int], source: str) -> list[bool]:
    """Whether each image is for validation.

    Two exceptions keep small data usable, until there are more images: a class gets one image to train on,
    and the validation part gets one image.
    Raises SettingsError if no image is left for validation.
    """
    validation = {each for each in hashes if is_for_validation(each)}
    of_class: dict[int, set[str]] = defaultdict(set)
    for each, place in zip(hashes, classes, strict=True):
        of_class[place].add(each)
    for own in of_class.values():
        if own <= validation:
            validation.discard(max(own))
    if not validation:
        spare = [each for own in of_class.values() if len(own) > 1 for each in own]
        needed = {each for own in of_class.values() if len(own) == 1 for each in own}
        if not (left := set(spare) - needed):
            raise SettingsError(
                f"{source} has one image a class, so that none is left to validate on: give at least two "
                "different images a class, better dozens; or --val DIR"
            )
        validation = {min(left)}
    return [each in validation for each in hashes]


def split_lines(dataset: Dataset) -> Iterator[str]:
    """The split as JSON lines: each image's name, part, label and hash."""
    for part, images in (("train", dataset.train), ("validation", dataset.validation)):
        for number, (place, sha256) in enumerate(zip(images.classes, images.hashes, strict=True)):
            values = {
                "image": images.store.name(number),
                "part": part,
                "label": dataset.labels[place],
                "sha256": sha256,
            }
            yield json.dumps(values)


def write_split(dataset: Dataset, path: Path, *, overwrite: bool) -> None:
    """Writes the split as a file of JSON lines. Raises OutputError if that fails."""
    write_text("".join(f"{line}\n" for line in split_lines(dataset)), path, overwrite=overwrite)
