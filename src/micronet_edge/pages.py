"""Pages that the tool writes: one file each, nothing beside it."""

from pathlib import Path

from micronet_edge.errors import OutputError
from micronet_edge.staging import staged


def write_text(page: str, path: Path) -> None:
    """Writes the page, whole or not at all.

    Raises OutputError where that is not possible.
    """
    check_writable(path)
    with staged(path.parent, [path.name], overwrite=True) as folder:
        (folder / path.name).write_text(page, encoding="utf-8")


def check_writable(path: Path) -> None:
    """Raises OutputError where no page can be written: a folder of that name, or none for it to lie in."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give the name of a file for the page")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is no folder: make it, or give another place for the page")
