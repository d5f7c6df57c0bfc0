"""Atomic writes: files appear under their final names together, or not at all."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from micronet_edge.errors import OutputError
from micronet_edge.util.journal import folders_of, move_out, moving, run_folder


@contextmanager
def atomic_write(
    output: Path, names: Sequence[str], *, overwrite: bool, inputs: Sequence[Path] = ()
) -> Iterator[Path]:
    """Yields a hidden folder inside `output` to write `names` into; they move out when the block succeeds.

    Names may lead into folders, with / between the parts; the block makes those in the hidden folder.
    Any failure, including Ctrl-C, removes the folder, the files and an output folder made for them. After a
    kill, the next run or the next reader completes the move or undoes it (journal.py).
    Raises OutputError if the folder cannot be written, another run is writing one of the names, a file
    exists without `overwrite`, or a file is one of the `inputs`.
    """
    check_output(output, names, overwrite=overwrite, inputs=inputs)
    with _made(output), _describe_full_disk(output), _hidden_folder(output, names) as folder:
        check_output(output, names, overwrite=overwrite)  # the move of a killed run is complete by now
        yield folder
        for name in names:
            _flush(folder / name)
        with moving(output):
            check_output(output, names, overwrite=overwrite)
            move_out(folder, names)


def check_output(output: Path, names: Sequence[str], *, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """Raises OutputError if the names could not be written; changes nothing. Call it before the work."""
    for name in names:
        path = output / name
        try:
            for folder in folders_of(name):
                _check_folder(output / folder)
            _check(path, overwrite=overwrite)
        except OSError as error:
            raise _unwritable(path, error) from error
        for given in inputs:
            if is_same_file(path, given):
                raise OutputError(f"{path} would replace the input {given}: give another --output")


def _check_folder(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        found = "a link" if path.is_symlink() else "a file"
        raise OutputError(f"{path} is {found} where a folder belongs: remove it, or give another --output")


def _check(path: Path, *, overwrite: bool) -> None:
    if path.is_symlink():
        raise OutputError(f"{path} is a link: remove it, or give another --output")
    if path.is_dir():
        raise OutputError(f"{path} is a folder where a file belongs: remove it, or give another --output")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is not a regular file: remove it, or give another --output")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists: give --overwrite, or another --output")


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file, also through links."""
    with suppress(OSError, ValueError):
        return one.samefile(other)
    return False


@contextmanager
def _made(output: Path) -> Iterator[None]:
    """Makes the folder for the block; on failure removes the folders it made, if empty."""
    missing = [folder for folder in (output, *output.parents) if not os.path.lexists(folder)]
    try:
        _make(output)
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):  # never made, or another process has put a file there
                folder.rmdir()
        raise


def _make(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"{output} is a file, or inside one: give a folder as --output") from error
    except OSError as error:
        raise _unwritable(output, error) from error


@contextmanager
def _hidden_folder(output: Path, names: Sequence[str]) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(run_folder(output, names))
        except OSError as error:
            raise _unwritable(output, error) from error
        yield folder


def _unwritable(output: Path, error: OSError) -> OutputError:
    return OutputError(f"{output} cannot be written ({error.strerror}): give another folder as --output")


def _flush(path: Path) -> None:
    """Flushes the file to disk, so that it survives a power cut and a full disk fails now."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _describe_full_disk(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise OutputError(
            f"no space left while writing to {output}: free some, or give another folder as --output"
        ) from error
