"""All or nothing: files appear under their final names together, or not at all."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from micronet_edge.errors import OutputError
from micronet_edge.util.journal import move_out, moving, run_folder


@contextmanager
def atomic_write(
    output: Path, names: Sequence[str], *, overwrite: bool, inputs: Sequence[Path] = ()
) -> Iterator[Path]:
    """A hidden folder inside `output` to write `names` into; they move out when the block succeeds.

    Whatever goes wrong, Ctrl-C included, leaves neither the folder nor any of the files, nor an output
    folder that was not there before. After a kill the next run, or the next reader, brings about one of
    the two: all files as they were, or all new (journal.py).
    Raises OutputError where the folder cannot be written, another run is writing one of the names, a file
    exists and `overwrite` is off, or a file is one of the `inputs`.
    """
    check_output(output, names, overwrite=overwrite, inputs=inputs)
    with _made(output), _describe_full_disk(output), _hidden_folder(output, names) as folder:
        check_output(output, names, overwrite=overwrite)  # what a killed run had decided is there by now
        yield folder
        for name in names:
            _flush(folder / name)
        with moving(output):
            check_output(output, names, overwrite=overwrite)
            move_out(folder, names)


def check_output(output: Path, names: Sequence[str], *, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """Raises OutputError where the names could not be written; changes nothing: call it before the work."""
    for path in (output / name for name in names):
        try:
            _check(path, overwrite=overwrite)
        except OSError as error:
            raise _unwritable(path, error) from error
        for given in inputs:
            if is_same_file(path, given):
                raise OutputError(f"{path} would replace {given}, which is read: give another --output")


def _check(path: Path, *, overwrite: bool) -> None:
    if path.is_symlink():
        raise OutputError(f"{path} is a link: remove it, or give another --output")
    if path.is_dir():
        raise OutputError(f"{path} is a folder where a file belongs: remove it, or give another --output")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is no regular file: remove it, or give another --output")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists: give --overwrite, or another --output")


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by whatever links."""
    with suppress(OSError, ValueError):
        return one.samefile(other)
    return False


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
    """Makes the file hold after a power cut, and a full disk speak up now."""
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
