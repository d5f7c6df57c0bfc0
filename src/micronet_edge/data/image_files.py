"""Which files of a folder are its images, and what list of contents they make.

An image is every file, in sub-folders too, that is neither hidden nor by its suffix a note beside the
images (NOTES). So a file that is neither note nor readable image is met and named, never left out in
silence.
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
"""ImageNet has 1.3 million images; walking so many takes half a minute."""

_Place = tuple[int, int]
_ARCHIVERS_FOLDER = "__MACOSX"


def image_files(folder: Path) -> list[Path]:
    """All image files below a folder, sorted by their names relative to it.

    Raises SettingsError on what is no folder, and on a folder without images.
    """
    if not os.path.lexists(folder):
        raise SettingsError(f"{folder} does not exist: give a folder of images")
    if not is_folder(folder):
        raise SettingsError(f"{folder} is no folder: give a folder of images, or a .npy or .npz file")
    files = files_below(folder)
    if not files:
        raise SettingsError(f"{folder} holds no images: give a folder of images")
    return files


def files_below(folder: Path) -> list[Path]:
    """As image_files, of a folder that is there and may be empty."""
    return sorted(_walk(folder), key=lambda path: path.relative_to(folder).as_posix())


def _walk(top: Path) -> Iterator[Path]:
    """Follows links to folders, as data sets are made of them, but never round in circles.

    Raises SettingsError on more items than any set of images has, which few links can make, and on folders
    that the system makes up.
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
                f"{folder} leads to {os.path.realpath(folder)}, where no images are: give a folder of images "
                "alone"
            )
        seen += len(items)
        if seen > MOST_ITEMS:
            raise SettingsError(f"{top} holds more than {MOST_ITEMS:,} items: give a folder of images alone")
        inner = [item for item in items if is_folder(item)]
        ahead += [(item, above | {here}) for item in inner]
        yield from set(items).difference(inner)


def _place(folder: Path) -> _Place:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _made_up() -> set[int]:
    """The file systems that hold no files but what the system says of itself."""
    return {os.stat(path).st_dev for path in ("/proc", "/sys") if os.path.ismount(path)}  # noqa: PTH116


def visible_items(folder: Path) -> list[Path]:
    """What lies directly in a folder, but for hidden items and notes.

    Raises SettingsError on a folder that cannot be read.
    """
    try:
        items = sorted(folder.iterdir())
    except OSError as error:
        raise SettingsError(f"{folder} cannot be read ({error.strerror}): check its rights") from error
    return [item for item in items if not _is_hidden(item) and (is_folder(item) or not _is_note(item))]


def is_folder(path: Path) -> bool:
    """Whether there is a folder of that name; what cannot be looked at is none."""
    return os.path.isdir(path)  # noqa: PTH112 - Path's raises on odd names and on missing rights


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name == _ARCHIVERS_FOLDER


def _is_note(path: Path) -> bool:
    return path.suffix.lower() in NOTES


def sha256_of_list(files: Sequence[Path], folder: Path) -> str:
    """The hash of the files' names, relative to the folder, and contents, as hexadecimal text."""
    lines = (os.fsencode(f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n") for path in files)
    return hashlib.sha256(b"".join(lines)).hexdigest()
