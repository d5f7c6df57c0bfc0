"""Finds the image files of a folder and hashes the list of their names and contents.

Every file counts as an image, in sub-folders too, unless it is hidden or its suffix marks it as a note
(NOTES). So an unreadable image raises an error instead of being skipped silently.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from micronet_edge.errors import SettingsError
from micronet_edge.util.user_files import file_sha256

NOTES = frozenset(
    [
        *(".txt", ".md", ".rst", ".html", ".pdf", ".log"),
        *(".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini"),
        *(".py", ".db", ".md5", ".sha256"),
    ]
)
MOST_ITEMS = 3_000_000
"""Limit on the items of a folder. ImageNet has 1.3 million images; walking them takes half a minute."""

_Place = tuple[int, int]
_ARCHIVERS_FOLDER = "__MACOSX"


def image_files(folder: Path) -> list[Path]:
    """All image files below a folder, sorted by their relative names.

    Raises SettingsError if it is not a folder or contains no images.
    """
    if not os.path.lexists(folder):
        raise SettingsError(f"{folder} does not exist: give a folder of images")
    if not is_folder(folder):
        raise SettingsError(f"{folder} is not a folder: give a folder of images, or a .npy or .npz file")
    files = files_below(folder)
    if not files:
        raise SettingsError(f"{folder} holds no images: give a folder of images")
    return files


def files_below(folder: Path) -> list[Path]:
    """As image_files, for a folder that exists and may be empty."""
    return sorted(_walk(folder), key=lambda path: path.relative_to(folder).as_posix())


def _walk(top: Path) -> Iterator[Path]:
    """Walks a folder and follows links to folders, which data sets use, but never in circles.

    Raises SettingsError on too many items, which a few links can cause, and on virtual file systems.
    """
    made_up, seen = _made_up(), 0
    ahead: list[tuple[Path, frozenset[_Place]]] = [(top, frozenset())]
    while ahead:
        folder, above = ahead.pop()
        items, here = visible_items(folder), _place(folder)
        if here in above:
            continue
        if here[0] in made_up:
            raise SettingsError(
                f"{folder} leads to {os.path.realpath(folder)}, which holds no images: give a folder of "
                "images only"
            )
        seen += len(items)
        if seen > MOST_ITEMS:
            raise SettingsError(f"{top} holds more than {MOST_ITEMS:,} items: give a folder of images only")
        inner = [item for item in items if is_folder(item)]
        ahead += [(item, above | {here}) for item in inner]
        yield from set(items).difference(inner)


def _place(folder: Path) -> _Place:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _made_up() -> set[int]:
    """The device numbers of virtual file systems, such as /proc."""
    return {os.stat(path).st_dev for path in ("/proc", "/sys") if os.path.ismount(path)}  # noqa: PTH116


def visible_items(folder: Path) -> list[Path]:
    """The direct items of a folder, without hidden items and notes.

    Raises SettingsError on a folder that cannot be read.
    """
    try:
        items = sorted(folder.iterdir())
    except OSError as error:
        raise SettingsError(f"{folder} cannot be read ({error.strerror}): check its permissions") from error
    return [item for item in items if not _is_hidden(item) and (is_folder(item) or not _is_note(item))]


def is_folder(path: Path) -> bool:
    """Whether the path is a folder; False if it cannot be accessed."""
    return os.path.isdir(path)  # noqa: PTH112 - Path's raises on odd names and on missing rights


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name == _ARCHIVERS_FOLDER


def _is_note(path: Path) -> bool:
    return path.suffix.lower() in NOTES


def sha256_of_list(files: Sequence[Path], folder: Path) -> str:
    """The SHA-256 of the files' relative names and contents, in hexadecimal."""
    lines = (os.fsencode(f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n") for path in files)
    return hashlib.sha256(b"".join(lines)).hexdigest()
