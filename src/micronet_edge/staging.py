"""All or nothing: files appear under their final names together, or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    created = _make_folder(output)
    try:
        with _hidden_folder(output) as folder, _full_disk_in_words(output):
            yield folder
            for name in names:
                _flush(folder / name)
            for name in names:
                (folder / name).replace(output / name)
    except BaseException:
        for parent in created:
            shutil.rmtree(parent, ignore_errors=True)
        raise


def _refuse_existing(output: Path, names: list[str], *, overwrite: bool) -> None:
    existing = [name for name in names if (output / name).exists()]
    if existing and not overwrite:
        raise OutputError(f"{output / existing[0]} exists: give --overwrite, or another --output")


def _make_folder(output: Path) -> list[Path]:
    """Makes the folder and returns those of its parents, innermost first, that were not there."""
    missing = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        output.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"{output} is a file, or lies below one: give a folder as --output") from error
    except OSError as error:
        raise _unwritable(output, error) from error
    return missing


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
