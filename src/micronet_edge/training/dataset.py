"""Reads the images of a training run: class folders, train and val folders, or WebDataset shards.

Each image is decoded once before training, in several processes if there are many: that finds unreadable and
identical images, and its hash decides the part. Two given parts with more than MOST_EXAMINED images, such as
ImageNet, are not decoded: then unreadable images end the training when they are reached, unless the user
asks to skip them.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import normalize

import numpy as np

from micronet_edge.data.image_files import is_folder, visible_items
from micronet_edge.data.image_folders import SKIP_HINT
from micronet_edge.errors import SettingsError
from micronet_edge.training.dataset_warnings import Part, warnings_on
from micronet_edge.training.examine import MOST_EXAMINED, Facts, examine, hash_names
from micronet_edge.training.folders import ONE_FOLDER_EACH, Found, check_classes, find_in_folders
from micronet_edge.training.images import Dataset, ImageSet
from micronet_edge.training.shards import are_shards, find_in_shards
from micronet_edge.training.split import split
from micronet_edge.util.text import listed, plural

TRAIN = "train"
VALIDATION_NAMES = ("val", "validation", "valid")

Report = Callable[[str], None]


def read_dataset(
    data: Path | str, validation: Path | str | None = None, *, skip_unreadable: bool = False, report: Report
) -> Dataset:
    """Finds the images to train on and to validate on.

    Args:
        data: a folder of class folders; a folder with `train` and `val` (`validation`, `valid`) in it; tar
            shards as a pattern, one file or a folder of them.
        validation: class folders or shards to validate on; None takes those inside `data`, or splits the
            images by their hash.
        skip_unreadable: leaves unreadable images out and counts them.
        report: is called with a line on progress now and then.

    Raises:
        SettingsError: on missing, unreadable or unlabelled images, on fewer than two classes, on classes that
            are too alike or differ between the parts.
    """
    training_source, validation_source = _sources(
        Path(data), None if validation is None else Path(validation)
    )
    train = _find(training_source, report)
    check_classes(train)
    if validation_source is None:
        parts = [train]
    else:
        parts = [train, _with_labels(_find(validation_source, report), train)]
    decode = validation_source is None or skip_unreadable or _count(parts) <= MOST_EXAMINED
    read = [_Read.of(part, decode=decode, report=report) for part in parts]
    kept = [part.without_unreadable(skip=skip_unreadable) for part in read]
    skipped = sum(len(part.facts) for part in read) - sum(len(part.facts) for part in kept)
    whole = kept if validation_source is not None else list(kept[0].split())
    dataset = _dataset(whole[0], whole[1], str(data))
    return replace(
        dataset,
        skipped=skipped,
        warnings=(*_on_skipped(read), *dataset.warnings),
        divided=validation_source is None,
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """Images that were found, with their facts."""

    found: Found
    facts: Sequence[Facts]

    @classmethod
    def of(cls, found: Found, *, decode: bool, report: Report) -> "_Read":
        return cls(found, examine(found.store, report) if decode else hash_names(found.store))

    def selected(self, numbers: Sequence[int]) -> "_Read":
        found = self.found
        classes = tuple(found.classes[number] for number in numbers)
        part = replace(found, store=found.store.selected(numbers), classes=classes)
        return _Read(part, [self.facts[number] for number in numbers])

    def without_unreadable(self, *, skip: bool) -> "_Read":
        """Raises SettingsError on unreadable images if they are not skipped, or leave a class empty."""
        errors = [facts.error for facts in self.facts if facts.error is not None]
        if not errors:
            return self
        if not skip:
            more = f"; {plural(len(errors) - 1, 'more file')} cannot be read" if len(errors) > 1 else ""
            raise SettingsError(f"{errors[0]}{more}; {SKIP_HINT}")
        kept = self.selected([number for number, facts in enumerate(self.facts) if facts.error is None])
        for place in sorted(set(self.found.classes) - set(kept.found.classes)):
            raise SettingsError(
                f"{self.found.source}: no image of the class {self.found.labels[place]!r} can be read: give "
                "readable ones, or remove the class"
            )
        return kept

    def split(self) -> tuple["_Read", "_Read"]:
        """The training and the validation part."""
        hashes = [facts.sha256 for facts in self.facts]
        measured = np.array(split(hashes, self.found.classes, str(self.found.source)))
        train, validation = (np.flatnonzero(each).tolist() for each in (~measured, measured))
        return self.selected(train), self.selected(validation)

    @property
    def part(self) -> Part:
        return Part(self.found.store, self.found.classes, self.facts)

    @property
    def images(self) -> ImageSet:
        return ImageSet(self.found.store, self.found.classes, tuple(each.sha256 for each in self.facts))


def _dataset(train: _Read, validation: _Read, source: str) -> Dataset:
    labels = train.found.labels
    digest = hashlib.sha256()
    for name, part in (("train", train), ("validation", validation)):
        for number, facts in enumerate(part.facts):
            label = labels[part.found.classes[number]]
            line = f"{name}\0{label}\0{part.found.store.short_name(number)}\0{facts.sha256}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
    warnings = warnings_on(train.part, validation.part, labels)
    return Dataset(train.images, validation.images, labels, digest.hexdigest(), source, warnings=warnings)


def _count(parts: Sequence[Found]) -> int:
    return sum(len(part.classes) for part in parts)


def _on_skipped(read: Sequence[_Read]) -> tuple[str, ...]:
    names = [
        part.found.store.short_name(number)
        for part in read
        for number, facts in enumerate(part.facts)
        if facts.error is not None
    ]
    return (f"skipped {plural(len(names), 'unreadable file')}: {listed(names)}",) if names else ()


# --- Which folders


def _sources(data: Path, validation: Path | None) -> tuple[Path, Path | None]:
    """The training and the validation source; None where the images are to be split."""
    if not os.path.lexists(data) and not are_shards(data):
        raise SettingsError(f"{data} does not exist: {ONE_FOLDER_EACH}")
    train, inside = _parts_inside(data)
    if validation is None:
        return train, inside
    if not os.path.lexists(validation) and not are_shards(validation):
        raise SettingsError(f"the validation images {validation} do not exist: check the path")
    _check_apart(train, validation)
    return train, validation


def _parts_inside(data: Path) -> tuple[Path, Path | None]:
    """The train and val folders inside a folder; the folder itself if it has no such parts."""
    if not is_folder(data):
        return data, None
    names = {item.name for item in visible_items(data) if is_folder(item)}
    parts = [data / name for name in VALIDATION_NAMES if name in names]
    if TRAIN not in names or not (parts or names <= {TRAIN, "test"}):
        return data, None
    if len(parts) > 1:
        raise SettingsError(
            f"{data} holds {listed([part.name for part in parts])}: keep one of them beside {TRAIN}, or give "
            f"{data / TRAIN} with --val DIR"
        )
    return data / TRAIN, parts[0] if parts else None


def _check_apart(train: Path, validation: Path) -> None:
    one, other = (Path(os.path.realpath(path)) for path in (train, validation))
    if one == other:
        raise SettingsError(
            f"{validation} holds the training images: give other images with --val, or leave it out to split "
            "them"
        )
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise SettingsError(
            f"of {train} and {validation}, one lies in the other: move the validation images out"
        )


def _find(source: Path, report: Report) -> Found:
    if are_shards(source):
        return find_in_shards(source, report)
    if not is_folder(source):
        raise SettingsError(f"{source} is not a folder: {ONE_FOLDER_EACH}, or .tar shards")
    return find_in_folders(source)


def _with_labels(validation: Found, train: Found) -> Found:
    """The validation images with the classes' places in training. Raises SettingsError on other classes."""
    places = {normalize("NFC", label): place for place, label in enumerate(train.labels)}
    known = [places.get(normalize("NFC", label)) for label in validation.labels]
    if other := [label for label, place in zip(validation.labels, known, strict=True) if place is None]:
        raise SettingsError(
            f"{validation.source} has classes that {train.source} lacks: {listed(other)}: rename them as in "
            f"training ({listed(train.labels)}), or remove them"
        )
    classes = tuple(place for each in validation.classes if (place := known[each]) is not None)
    return replace(validation, classes=classes, labels=train.labels)
