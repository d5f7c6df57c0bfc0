"""Texts that the tool writes for a person, such as pages: one file each, whole or not at all."""

from pathlib import Path

from micronet_edge.errors import OutputError
from micronet_edge.staging import staged


def write_text(text: str, path: Path) -> None:
    """Writes the text as a file, whole or not at all.

    Raises OutputError where that is not possible.
    """
    check_writable(path)
    with staged(path.parent, [path.name], overwrite=True) as folder:
        (folder / path.name).write_text(text, encoding="utf-8")


def check_writable(path: Path) -> None:
    """Raises OutputError where no file can be written: a folder of that name, or none for it to lie in."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give the name of a file")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is no folder: make it, or give another place")
