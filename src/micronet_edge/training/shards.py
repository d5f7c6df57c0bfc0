"""Finds the images in WebDataset shards: tar files with KEY.jpg and KEY.cls or KEY.json side by side.

Each tar file is read through once for an index of its members. See the webdataset library for the rules of
names: https://github.com/webdataset/webdataset
"""

import json
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from micronet_edge.data.image_files import is_folder, visible_items
from micronet_edge.data.labels import read_labels
from micronet_edge.errors import SettingsError
from micronet_edge.training.folders import Found, check_labels
from micronet_edge.training.stores import Members, NameTable, ShardStore
from micronet_edge.util.text import listed, plural

TAR = ".tar"
_LABELS_FILE = "labels.txt"
_IMAGES = frozenset(["jpg", "jpeg", "png", "bmp", "ppm", "pgm", "webp", "tif", "tiff", "gif"])
_CLASS, _JSON = "cls", "json"
_FIELDS = ("label", "cls", "class")
_MOST_LABEL_BYTES = 1 << 20
_BLOCK = 512
_COMPRESSED = {b"\x1f\x8b": "gunzip", b"BZh": "bunzip2", b"\xfd7z": "unxz", b"\x28\xb5\x2f\xfd": "unzstd"}


@dataclass(frozen=True, slots=True)
class _Image:
    """An image in a tar file, with its label as the file gives it."""

    name: str
    offset: int
    size: int
    label: str


@dataclass(slots=True)
class _Sample:
    """Members of a tar file with one key: by suffix, their names, offsets and sizes."""

    key: str
    parts: dict[str, tarfile.TarInfo] = field(default_factory=dict)


def are_shards(source: Path) -> bool:
    """Whether the user means tar files: one, a pattern of several, or a folder of nothing else."""
    if source.name.endswith(TAR) or ("{" in source.name and not is_folder(source)):
        return not is_folder(source)
    items = visible_items(source) if is_folder(source) else []
    return bool(items) and all(TAR in item.suffixes or item.suffix == ".tgz" for item in items)


def find_in_shards(source: Path, report: Callable[[str], None]) -> Found:
    """The images of tar files, in the order of the files and their members.

    Labels are those of labels.txt beside the files; without it the labels in the files: text in sorted order,
    or numbers in their order.
    Raises SettingsError on files that are missing, compressed or cut off, and on images without a label.
    """
    paths = _paths(source)
    images: list[_Image] = []
    shards: list[int] = []
    for number, path in enumerate(paths):
        found = list(_images(path))
        images += found
        shards += [number] * len(found)
        if len(paths) > 1:
            report(f"indexed shard {number + 1:,} of {len(paths):,}: {plural(len(images), 'image')}")
    if not images:
        raise SettingsError(f"{source} holds no images: give shards of images with their labels")
    labels, classes = _labels(source, paths[0].parent, [image.label for image in images])
    members = Members(
        np.array(shards, np.int64),
        np.array([image.offset for image in images], np.int64),
        np.array([image.size for image in images], np.int64),
        NameTable([image.name for image in images]),
    )
    return Found(ShardStore(paths, members), classes, labels, source)


def _paths(source: Path) -> list[Path]:
    if is_folder(source):
        return sorted(visible_items(source))
    try:
        from webdataset.shardlists import expand_urls
    except ImportError as error:
        raise SettingsError("shards need the webdataset library: install 'micronet-edge[train]'") from error
    paths = [Path(each) for each in expand_urls(os.fspath(source))]
    if missing := [path for path in paths if not path.is_file()]:
        raise SettingsError(
            f"{plural(len(missing), 'shard')} of {len(paths):,} cannot be found: "
            f"{listed(missing)}: check the pattern {source}"
        )
    return paths


# --- One file


def _images(path: Path) -> Iterator[_Image]:
    """The images of a tar file. Raises SettingsError as find_in_shards does."""
    _check_uncompressed(path)
    try:
        with tarfile.open(path, "r:") as archive:
            for sample in _samples(archive, path):
                yield _image(archive, path, sample)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise SettingsError(f"{path} cannot be read as a tar file ({error}): copy it again") from error


def _samples(archive: tarfile.TarFile, path: Path) -> Iterator[_Sample]:
    """Members with the same key, which follow each other, as webdataset's group_by_keys has them."""
    try:
        from webdataset.tariterators import base_plus_ext
    except ImportError as error:
        raise SettingsError("shards need the webdataset library: install 'micronet-edge[train]'") from error
    sample = _Sample("")
    for member in archive:
        archive.members = []  # type: ignore[attr-defined]  # otherwise it keeps them all
        key, suffix = base_plus_ext(member.name)
        if key is None or not member.isreg() or member.name.startswith("__"):
            continue
        if key != sample.key:
            if sample.parts:
                yield sample
            sample = _Sample(key)
        if sample.parts.setdefault(suffix.lower(), member) is not member:
            raise SettingsError(f"{path}: {member.name} is there twice: write the shard again")
    _check_end(path, archive.offset)  # before the last sample, which may lack members
    if sample.parts:
        yield sample


def _image(archive: tarfile.TarFile, path: Path, sample: _Sample) -> _Image:
    suffix = next((each for each in sample.parts if each in _IMAGES), None)
    if suffix is None:
        raise SettingsError(
            f"{path}: {sample.key} has no image, only {listed([f'.{each}' for each in sample.parts])}: write "
            f"{sample.key}.jpg or .png beside it"
        )
    member = sample.parts[suffix]
    label = _label(archive, sample)
    if not label:
        raise SettingsError(
            f"{path}: {member.name} has no label: write {sample.key}.{_CLASS} beside it, or "
            f'{sample.key}.{_JSON} with a "{_FIELDS[0]}"'
        )
    return _Image(member.name, member.offset_data, member.size, label)


def _label(archive: tarfile.TarFile, sample: _Sample) -> str | None:
    """The label as text; None if there is none."""
    if _CLASS in sample.parts:
        return _text(archive, sample.parts[_CLASS])
    if _JSON in sample.parts:
        try:
            values = json.loads(_text(archive, sample.parts[_JSON]) or "null")
        except ValueError:
            return None
        found = [values[name] for name in _FIELDS if isinstance(values, dict) and name in values]
        if found and isinstance(found[0], str | int) and not isinstance(found[0], bool):
            return str(found[0]).strip()
    return None


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str | None:
    file = archive.extractfile(member)
    assert file is not None  # only regular members are here
    try:
        return file.read(_MOST_LABEL_BYTES).decode().strip()
    except UnicodeDecodeError:
        return None


def _check_uncompressed(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}): check the path") from error
    for magic, command in _COMPRESSED.items():
        if start.startswith(magic):
            raise SettingsError(
                f"{path} is compressed, so that no image in it can be read alone: unpack it with {command}"
            )


def _check_end(path: Path, end: int) -> None:
    """A whole tar file ends with empty blocks; one that is cut off or damaged does not."""
    with path.open("rb") as file:
        file.seek(end)
        if file.read(_BLOCK) != bytes(_BLOCK):
            raise SettingsError(f"{path} is cut off or damaged after {end:,} bytes: copy it again")


# --- Labels


def _labels(source: Path, folder: Path, given: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The labels in class order and the images' classes."""
    numbers = all(label.isascii() and label.isdigit() for label in given)
    if numbers:
        given = [str(int(label)) for label in given]
    file = folder / _LABELS_FILE
    if file.is_file():
        labels = read_labels(file)
        as_numbers = numbers and not set(given) <= set(labels)
    else:
        labels, as_numbers = tuple(sorted(set(given), key=int if numbers else None)), False
    check_labels(labels, source)
    places = {str(place) if as_numbers else label: place for place, label in enumerate(labels)}
    if unknown := sorted(set(given) - set(places)):
        raise SettingsError(f"{file} lacks labels of the shards: {listed(unknown)}: add them, one per line")
    return labels, tuple(places[label] for label in given)
