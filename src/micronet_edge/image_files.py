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
from micronet_edge.models.checkpoints import file_sha256

NOTES = frozenset(
    [
        *(".txt", ".md", ".rst", ".html", ".pdf", ".log"),
        *(".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini"),
        *(".py", ".db", ".md5", ".sha256"),
    ]
)
_ARCHIVERS_FOLDER = "__MACOSX"


def image_files(folder: Path) -> list[Path]:
    """All image files below a folder, sorted by their names relative to it.

    Raises SettingsError on what is no folder, and on a folder without images.
    """
    if not folder.exists():
        raise SettingsError(f"{folder} does not exist: give a folder of images")
    if not folder.is_dir():
        raise SettingsError(f"{folder} is no folder: give a folder of images, or a .npy or .npz file")
    files = files_below(folder)
    if not files:
        raise SettingsError(f"{folder} holds no images: give a folder of images")
    return files


def files_below(folder: Path) -> list[Path]:
    """As image_files, of a folder that is there and may be empty."""
    return sorted(_walk(folder, frozenset()), key=lambda path: path.relative_to(folder).as_posix())


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Follows links to folders, as data sets are made of them, but never round in circles."""
    here = folder.resolve()
    if here in above:
        return
    for item in visible_items(folder):
        if item.is_dir():
            yield from _walk(item, above | {here})
        else:
            yield item


def visible_items(folder: Path) -> list[Path]:
    """What lies directly in a folder, but for hidden items and notes.

    Raises SettingsError on a folder that cannot be read.
    """
    try:
        items = sorted(folder.iterdir())
    except OSError as error:
        raise SettingsError(f"{folder} cannot be read ({error.strerror}): check its rights") from error
    return [item for item in items if not _is_hidden(item) and (item.is_dir() or not _is_note(item))]


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name == _ARCHIVERS_FOLDER


def _is_note(path: Path) -> bool:
    return path.suffix.lower() in NOTES


def sha256_of_list(files: Sequence[Path], folder: Path) -> str:
    """The hash of the files' names, relative to the folder, and contents, as hexadecimal text."""
    lines = (os.fsencode(f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n") for path in files)
    return hashlib.sha256(b"".join(lines)).hexdigest()
