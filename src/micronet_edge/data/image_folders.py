"""Folders of images: unlabelled ones for calibration, labelled ones for accuracy."""

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
from micronet_edge.data.signature import Samples
from micronet_edge.errors import SettingsError
from micronet_edge.util.text import listed, plural

MINIMUM_CALIBRATION = 32
SKIP_HINT = "take it out, or give --skip-unreadable"


@dataclass(frozen=True, slots=True)
class CalibrationImages:
    """Preprocessed images, or samples of other inputs, and their origin.

    `images` are those of the first input, `others` those of the further ones, as many of each. `source` is
    the name of the folder or file. `sha256` covers relative names and contents, so it does not
    depend on the folder's place. `skipped` is the number of unreadable files. `notes` warn if the images
    look unlike those the network will see.
    """

    images: Images = field(repr=False, compare=False)
    source: str
    sha256: str
    skipped: int
    notes: tuple[str, ...] = ()
    others: Samples = field(default=(), repr=False, compare=False)

    @property
    def inputs(self) -> Samples:
        """The samples of every input, in the network's order."""
        return self.images, *self.others

    @property
    def count(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Image files with their classes, which are indices into `labels`; `skipped` counts unreadable files.

    `folders` are the names of the folders by class; `order` describes which folder is which class.
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
    """Reads the images to calibrate on.

    Given    a folder of image files, with or without sub-folders; or a .npy or .npz file of pixels
             (uint8 [n, h, w, 3]) or of preprocessed images (float32 [n, channels, height, width])
    Result   all of them, preprocessed, in the order of their names
    Raises   SettingsError on fewer than MINIMUM_CALIBRATION images, on identical images, and on a file
             that cannot be read, unless such files are skipped.
    """
    sizes: tuple[int, ...] = ()
    if is_array_file(source):
        images, files, skipped = read_array(source, preprocessing), [source], 0
        folder = source.parent
    else:
        folder, found = source, image_files(source)
        check_enough(source, len(found), 0)  # before reading, which may take minutes
        images, files, sizes = read_each(found, preprocessing, skip_unreadable=skip_unreadable)
        skipped = len(found) - len(files)
    check_enough(source, len(images), skipped)
    _check_different(source, images)
    notes = (*brightness_notes(images, preprocessing), *size_notes(sizes, preprocessing))
    return CalibrationImages(images, name_of(source), sha256_of_list(files, folder), skipped, notes)


def is_array_file(source: Path) -> bool:
    """Whether it is a NumPy file, by its suffix."""
    return source.suffix.lower() in ARRAY_SUFFIXES and os.path.lexists(source) and not is_folder(source)


def read_labelled(
    folder: Path, labels: Sequence[str], *, labels_assumed: bool = False, skip_unreadable: bool = False
) -> LabelledImages:
    """Finds the images of a folder with one sub-folder per class, named as its label.

    A label may lack a folder. The files are opened here only to skip unreadable ones; otherwise their
    reader raises the error.

    Given    the labels in class order, and whether they are assumed
    Raises   SettingsError on a sub-folder that matches no label or several, on files beside the
             sub-folders, on a folder without images, and if assumed labels leave the order of the
             classes open.
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
            f"none of the {len(found)} files in {folder} can be read as an image: give readable images"
        )
    paths, classes = zip(*kept, strict=True)
    skipped = len(found) - len(kept)
    return LabelledImages(paths, classes, tuple(labels), name_of(folder), skipped, names, order)


def name_of(source: Path) -> str:
    """The name of a folder or file, without the path to it."""
    return source.resolve().name or str(source)


# --- Calibration


def read_each(
    files: Sequence[Path], preprocessing: Preprocessing, *, skip_unreadable: bool
) -> tuple[Images, list[Path], tuple[int, ...]]:
    """The readable images, their files, and their short sides in pixels."""
    images = np.empty((len(files), *preprocessing.shape), np.float32)
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


def check_enough(source: Path, count: int, skipped: int = 0, kind: str = "images") -> None:
    """Raises SettingsError on fewer than MINIMUM_CALIBRATION images, or samples of that kind."""
    if count < MINIMUM_CALIBRATION:
        also = f" and {plural(skipped, 'unreadable file')}" if skipped else ""
        raise SettingsError(
            f"{source} holds {count} {kind}{also}, too few to calibrate on: give at least "
            f"{MINIMUM_CALIBRATION}, better a few hundred, like those the network will see"
        )


def _check_different(source: Path, images: Images) -> None:
    if all(np.array_equal(image, images[0]) for image in images[1:]):
        raise SettingsError(
            f"the {len(images)} images of {source} are identical: give different ones, like those "
            "the network will see"
        )
    if all((image == image[:, :1, :1]).all() for image in images):
        raise SettingsError(
            f"each of the {len(images)} images of {source} is a single colour: give images like those "
            "the network will see"
        )


# --- Labelled


def _class_folders(folder: Path, labels: Sequence[str]) -> dict[int, Path]:
    """The sub-folder of each class that has one."""
    if not is_folder(folder):
        raise SettingsError(f"{folder} is not a folder: give one with a sub-folder of images for each class")
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
    # File systems encode accents in two ways.
    return [place for place, label in enumerate(labels) if normalize("NFC", label) == normalize("NFC", name)]


def _unknown(folder: Path, unknown: Sequence[Path], labels: Sequence[str]) -> str:
    names = [item.name for item in unknown]
    found = f"{folder} has sub-folders that are no labels of the network: {listed(names)}"
    inner = next((item for item in unknown if any(is_folder(item / label) for label in labels)), None)
    if inner is not None:
        return f"{found}; the class folders seem to lie in {inner}: give that"
    if are_numbers(labels):
        return (
            f"{found}. Its labels are only the numbers 0 to {len(labels) - 1}: give --labels FILE with the "
            "folders' names, one per line, in the order of training (ImageFolder: ls DIR | LC_ALL=C sort)"
        )
    return f"{found}. Its labels are {listed(labels)}: name each folder as the label of its images"


def _readable(path: Path) -> bool:
    try:
        open_image(path)
    except SettingsError:
        return False
    return True
