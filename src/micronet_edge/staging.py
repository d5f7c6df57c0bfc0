"""All or nothing: files appear under their final names together, or not at all."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from micronet_edge.errors import OutputError


@contextmanager
def staged(output: Path, names: list[str], *, overwrite: bool) -> Iterator[Path]:
    """A hidden folder inside `output` to write `names` into; they move out when the block succeeds.

    Whatever goes wrong, Ctrl-C included, leaves neither the folder nor any of the files, nor an
    output folder that was not there before.
    Raises OutputError where the folder cannot be written or a file exists and `overwrite` is off.
    """
    _refuse_existing(output, names, overwrite=overwrite)
    with _made(output), _hidden_folder(output) as folder, _full_disk_in_words(output):
        yield folder
        for name in names:
            _flush(folder / name)
        _move(folder, output, names)


def _refuse_existing(output: Path, names: list[str], *, overwrite: bool) -> None:
    for path in (output / name for name in names):
        if path.is_dir():
            raise OutputError(f"{path} is a folder where a file belongs: remove it, or give another --output")
        if os.path.lexists(path) and not overwrite:
            raise OutputError(f"{path} exists: give --overwrite, or another --output")


@contextmanager
def _made(output: Path) -> Iterator[None]:
    """The folder exists within the block; on failure the folders made for it go again, if empty."""
    missing = [folder for folder in (output, *output.parents) if not os.path.lexists(folder)]
    try:
        _make(output)
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):  # never made, or somebody else's file lies there by now
                folder.rmdir()
        raise


def _make(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"{output} is a file, or lies below one: give a folder as --output") from error
    except OSError as error:
        raise _unwritable(output, error) from error


def _move(folder: Path, output: Path, names: list[str]) -> None:
    """Moves the files out under their final names; where one fails, all are as before."""
    older = folder / "older"
    older.mkdir()
    try:
        for name in names:
            with suppress(FileNotFoundError):
                (output / name).replace(older / name)
            (folder / name).replace(output / name)
    except BaseException:
        for name in names:
            if not (folder / name).exists():
                (output / name).unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                (older / name).replace(output / name)
        raise


@contextmanager
def _hidden_folder(output: Path) -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix=".partial-", dir=output)
    except OSError as error:
        raise _unwritable(output, error) from error
    with folder as name:
        yield Path(name)


def _unwritable(output: Path, error: OSError) -> OutputError:
    return OutputError(f"{output} cannot be written ({error.strerror}): give another folder as --output")


def _flush(path: Path) -> None:
    """Makes the file hold after a power cut, and a full disk speak up now."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _full_disk_in_words(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise OutputError(
            f"no space left while writing to {output}: free some, or give another folder as --output"
        ) from error
