"""Writes single files that the user names, such as pages and results, whole or not at all.

Every command calls `check_reports` before its work and writes with `write_text`.
"""

import errno
import os
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from stat import S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISSOCK

from micronet_edge.errors import OutputError
from micronet_edge.util.atomic_write import atomic_write, is_same_file
from micronet_edge.util.user_files import manifest_path


def check_reports(reports: Mapping[str, Path | None], *, inputs: Iterable[Path], overwrite: bool) -> None:
    """Refuses paths where a report cannot be written or would destroy something.

    Given    the paths by option, None for an option that is not given; all files and folders that the
             command reads; whether it may replace existing files
    Raises   OutputError on a path that is also an input, lies in a folder of input images, is given twice,
             exists, or cannot be written.
    """
    given = {option: path for option, path in reports.items() if path is not None}
    read = list(inputs)
    read += [manifest_path(path) for path in read if path.name]
    for option, path in given.items():
        for each in read:
            _check_unread(option, path, each)
        _check_writable(path, overwrite=overwrite)
    for (one, path), (other, same) in combinations(given.items(), 2):
        if _goes_to(path) == _goes_to(same) and not _takes_a_stream(path):
            raise OutputError(f"{one} and {other} both name {path}: give two different files")


def _check_unread(option: str, path: Path, read: Path) -> None:
    found = _found(path)
    if found is None or S_ISDIR(found.st_mode):
        return
    if is_same_file(path, read):
        raise OutputError(f"{option} {path} would replace the input {read}: give another name")
    if _goes_to(path).is_relative_to(_goes_to(read)):
        raise OutputError(f"{option} {path} lies in the input folder {read}: give another place")


def write_text(text: str, path: Path, *, overwrite: bool) -> None:
    """Writes a text file as `write_bytes` does. Raises OutputError likewise."""
    write_bytes(text.encode("utf-8"), path, overwrite=overwrite)


def write_bytes(content: bytes, path: Path, *, overwrite: bool) -> None:
    """Writes a file, whole or not at all.

    It writes into a device, a pipe or this process's own output. It follows a link: it replaces the link's
    file and keeps the link.
    Raises OutputError if that fails, and on an existing file without `overwrite`.
    """
    _check_writable(path, overwrite=overwrite)
    if _takes_a_stream(path):
        _write_into(path, content)
        return
    place = _goes_to(path)
    with atomic_write(place.parent, [place.name], overwrite=overwrite) as folder:
        (folder / place.name).write_bytes(content)


def write_together(contents: Mapping[str, bytes], folder: Path) -> None:
    """Writes files of a folder by name, all of them or none; replaces existing ones.

    A kill at any point leaves all the older files or all the new ones to the next reader (`journal.settle`).
    Raises OutputError if that fails.
    """
    with atomic_write(folder, list(contents), overwrite=True) as hidden:
        for name, content in contents.items():
            (hidden / name).write_bytes(content)


def _goes_to(path: Path) -> Path:
    """The file to write, after following links."""
    return Path(os.path.realpath(path))


def _check_writable(path: Path, *, overwrite: bool) -> None:
    found = _found(path)
    if found is not None and S_ISDIR(found.st_mode):
        raise OutputError(f"{path} is a folder: give the name of a file")
    if _takes_a_stream(path):
        return
    if found is not None and (S_ISBLK(found.st_mode) or S_ISSOCK(found.st_mode)):
        raise OutputError(f"{path} is not a regular file: give the name of one")
    if found is not None and not overwrite:
        raise OutputError(f"{path} exists: give --overwrite, or another name")
    folder = _goes_to(path).parent if path.is_symlink() else path.parent
    if not folder.is_dir():
        raise OutputError(
            f"{path} cannot be written: {folder} is not a folder: create it, or give another place"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder} cannot be written: change its permissions, or give another place")


def _found(path: Path) -> os.stat_result | None:
    """The file status after following links; None if nothing exists there."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unwritable(path, error) from error


def _takes_a_stream(path: Path) -> bool:
    """Whether to write into the existing file, since replacing it would break it for others."""
    found = _found(path)
    if found is None:
        return False
    return S_ISCHR(found.st_mode) or S_ISFIFO(found.st_mode) or _own_output(found) is not None


def _own_output(found: os.stat_result) -> int | None:
    """The handle with which this process already writes there: its standard output or error."""
    for handle in (1, 2):
        try:
            if os.path.samestat(found, os.fstat(handle)):
                return handle
        except OSError:  # closed
            continue
    return None


def _write_into(path: Path, content: bytes) -> None:
    try:
        own = _own_output(path.stat())
        handle = os.open(path, os.O_WRONLY | os.O_NOCTTY) if own is None else os.dup(own)
        with open(handle, "wb") as stream:  # noqa: PTH123 - a handle, no path
            stream.write(content)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    if error.errno == errno.ENOSPC:
        return OutputError(f"no space left while writing to {path}: free some, or give another place")
    return OutputError(f"{path} cannot be written ({error.strerror}): give another place")
