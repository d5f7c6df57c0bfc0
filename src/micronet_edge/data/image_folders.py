"""Folders of images: those that a quantization is calibrated on, and those that a network is tested on."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

import numpy as np

from micronet_edge.data.calibration_notes import brightness_notes, size_notes
from micronet_edge.data.image_arrays import ARRAY_SUFFIXES, read_array
from micronet_edge.data.image_files import files_below, image_files, is_folder, sha256_of_list, visible_items
from micronet_edge.data.labels import are_numbers, check_order, describe_order
from micronet_edge.data.preprocessing import Images, Preprocessing, open_image
from micronet_edge.errors import SettingsError
from micronet_edge.util.text import listed

MINIMUM_CALIBRATION = 32
SKIP_HINT = "take it out, or give --skip-unreadable"


@dataclass(frozen=True, slots=True)
class CalibrationImages:
    """Preprocessed images, and what they were read from.

    `source` is the name of the folder or file. `sha256` is that of the list of names, relative to the
    folder, and contents: the same wherever the folder lies. `skipped` files could not be read. `notes` warn
    of what may make them unlike the images that the network will see.
    """

    images: Images = field(repr=False, compare=False)
    source: str
    sha256: str
    skipped: int
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Image files with their classes, which are positions in `labels`; `skipped` could not be read.

    `folders` are the names of the folders by class; `order` says in words which folder is which class.
    """

    paths: tuple[Path, ...] = field(repr=False)
    classes: tuple[int, ...] = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)
    source: str
    skipped: int
    folders: Mapping[int, str]
    order: str

    @property
    def count(self) -> int:
        return len(self.paths)


def read_calibration(
    source: Path, preprocessing: Preprocessing, *, skip_unreadable: bool = False
) -> CalibrationImages:
    """The images that stand for what a network will see.

    Given    a folder of image files, with sub-folders or without; or a .npy or .npz file of pixels
             (uint8 [n, h, w, 3]) or of preprocessed images (float32 [n, 3, size, size])
    Result   all of them, preprocessed, in the order of their names
    Raises   SettingsError on fewer than MINIMUM_CALIBRATION images, on images that do not differ, and
             on a file that cannot be read, unless such files are to be skipped.
    """
    sizes: tuple[int, ...] = ()
    if source.suffix.lower() in ARRAY_SUFFIXES and os.path.lexists(source) and not is_folder(source):
        images, files, skipped = read_array(source, preprocessing), [source], 0
        folder = source.parent
    else:
        folder, found = source, image_files(source)
        _check_enough(source, len(found), 0)  # before the minutes that reading may take
        images, files, sizes = _read_each(found, preprocessing, skip_unreadable=skip_unreadable)
        skipped = len(found) - len(files)
    _check_enough(source, len(images), skipped)
    _check_different(source, images)
    notes = (*brightness_notes(images, preprocessing), *size_notes(sizes, preprocessing))
    return CalibrationImages(images, _name(source), sha256_of_list(files, folder), skipped, notes)


def read_labelled(
    folder: Path, labels: Sequence[str], *, labels_assumed: bool = False, skip_unreadable: bool = False
) -> LabelledImages:
    """The images of a folder that has one sub-folder for each class, named as its label.

    A label may be without folder. The files are opened here only if unreadable ones are to be
    skipped; else whoever opens them is told.

    Given    the labels in the order of the classes, and whether nobody gave them
    Raises   SettingsError on a sub-folder that no label, or more than one, is named as, on files beside
             the sub-folders, where there are no images at all, and where assumed labels leave open which
             folder is which class.
    """
    places = _class_folders(folder, labels)
    names = {place: below.name for place, below in sorted(places.items())}
    if labels_assumed:
        check_order(folder, tuple(names.values()), labels)
    order = describe_order(tuple(names.values()), labels, assumed=labels_assumed)
    found = [(path, place) for place, below in sorted(places.items()) for path in files_below(below)]
    if not found:
        raise SettingsError(f"the class folders in {folder} hold no images: give at least one image")
    kept = [item for item in found if _readable(item[0])] if skip_unreadable else found
    if not kept:
        raise SettingsError(
            f"none of the {len(found)} files in {folder} can be read as an image: give sound ones"
        )
    paths, classes = zip(*kept, strict=True)
    skipped = len(found) - len(kept)
    return LabelledImages(paths, classes, tuple(labels), _name(folder), skipped, names, order)


def _name(source: Path) -> str:
    return source.resolve().name or str(source)


# --- Calibration


def _read_each(
    files: Sequence[Path], preprocessing: Preprocessing, *, skip_unreadable: bool
) -> tuple[Images, list[Path], tuple[int, ...]]:
    """The images of the files that can be read, those files, and the short sides in them, in pixels."""
    size = preprocessing.size
    images = np.empty((len(files), 3, size, size), np.float32)
    kept: list[Path] = []
    short_sides = []
    for path in files:
        try:
            image = open_image(path)
            images[len(kept)] = preprocessing.array(image)
        except SettingsError as error:
            if not skip_unreadable:
                raise SettingsError(f"{error}; {SKIP_HINT}") from error
        else:
            kept.append(path)
            short_sides.append(min(image.size))
    return images[: len(kept)], kept, tuple(short_sides)


def _check_enough(source: Path, count: int, skipped: int) -> None:
    if count < MINIMUM_CALIBRATION:
        also = f" and {skipped} that cannot be read" if skipped else ""
        raise SettingsError(
            f"{source} holds {count} images{also}, too few to calibrate on: give {MINIMUM_CALIBRATION} or "
            "more such as the network will see, a few hundred for good"
        )


def _check_different(source: Path, images: Images) -> None:
    if all(np.array_equal(image, images[0]) for image in images[1:]):
        raise SettingsError(
            f"the {len(images)} images of {source} are all alike: give different ones, such as the network "
            "will see"
        )
    if all((image == image[:, :1, :1]).all() for image in images):
        raise SettingsError(
            f"each of the {len(images)} images of {source} is of one colour all over: give images such as "
            "the network will see"
        )


# --- Labelled


def _class_folders(folder: Path, labels: Sequence[str]) -> dict[int, Path]:
    """The sub-folder of each class that has one."""
    if not is_folder(folder):
        raise SettingsError(f"{folder} is no folder: give one with a sub-folder of images for each class")
    items = visible_items(folder)
    if (loose := next((item for item in items if not is_folder(item)), None)) is not None:
        raise SettingsError(
            f"{loose} lies in no class folder: move every image into a sub-folder named as its label"
        )
    positions = {item: _positions(item.name, labels) for item in items}
    if unknown := [item for item, found in positions.items() if not found]:
        raise SettingsError(_unknown(folder, unknown, labels))
    if not items:
        raise SettingsError(
            f"{folder} is empty: give one with a sub-folder of images for each class, named as its label "
            f"({listed(labels)})"
        )
    for item, found in positions.items():
        if len(found) > 1:
            raise SettingsError(
                f"{item}: several classes ({listed(found)}) have this label: give --labels FILE with "
                "labels that differ"
            )
    return {found[0]: item for item, found in positions.items()}


def _positions(name: str, labels: Sequence[str]) -> list[int]:
    # File systems write accents in two ways.
    return [place for place, label in enumerate(labels) if normalize("NFC", label) == normalize("NFC", name)]


def _unknown(folder: Path, unknown: Sequence[Path], labels: Sequence[str]) -> str:
    names = [item.name for item in unknown]
    found = f"{folder} has sub-folders that are no labels of the network: {listed(names)}"
    inner = next((item for item in unknown if any(is_folder(item / label) for label in labels)), None)
    if inner is not None:
        return f"{found}; the class folders seem to lie in {inner}: give that"
    if are_numbers(labels):
        return (
            f"{found}. Its labels are just the numbers 0 to {len(labels) - 1}: give --labels FILE with the "
            "folders' names, one a line, in the order of training (ImageFolder's is: ls DIR | LC_ALL=C sort)"
        )
    return f"{found}. Its labels are {listed(labels)}: name each folder as the label of its images"


def _readable(path: Path) -> bool:
    try:
        open_image(path)
    except SettingsError:
        return False
    return True
