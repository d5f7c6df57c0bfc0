"""Moves several files to their final names together, even if a run is killed: one rename commits.

A run writes into its own hidden folder, beside the final names:

    .partial-x/NAME                      a new file; names may lead into folders: a/b
    .partial-x/.micronet-edge-run        the names; locked while the run lives
    .partial-x/.micronet-edge-older/NAME a second link to the file that NAME will replace
    .partial-x/.micronet-edge-forward    the journal: under this name it commits the new files
    .partial-x/.micronet-edge-back       the journal of a failed move: the older files stay

Nothing moves before the journal has its name. From then on the next one to touch the folder finishes the
move: the run itself, the next run that writes there, or the next reader of one of its files (`settle`).
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR

from micronet_edge.errors import OutputError
from micronet_edge.util.locks import hold, locked

PREFIX = ".partial-"
_LOCK = ".partial-lock"
_RUN = ".micronet-edge-run"
_OLDER = ".micronet-edge-older"
_DRAFT = ".micronet-edge-draft"
_FORWARD = ".micronet-edge-forward"
_BACK = ".micronet-edge-back"


@contextmanager
def run_folder(output: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yields a hidden folder in an existing one for a run that writes these names; removes it afterwards.

    It first finishes and removes what killed runs left. Raises OutputError if another run is writing one of
    the names, OSError if the folder cannot be written.
    """
    with locked(output / _LOCK):
        for busy, others in _left_after_settling(output):
            if both := sorted(set(names) & set(others)):
                raise OutputError(
                    f"another run is writing {output / both[0]}: wait until it ends, or give another "
                    f"--output; if none is running, remove {busy}"
                )
        folder, lock = _begun(output, names)
    try:
        yield folder
    finally:
        with suppress(OSError, OutputError):  # the next run removes what remains
            _end(folder)
        if lock is not None:
            os.close(lock)


def _begun(output: Path, names: Sequence[str]) -> tuple[Path, int | None]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=output))
    try:
        _write(folder / _RUN, {"names": list(names)})
        return folder, hold(folder / _RUN)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _end(folder: Path) -> None:
    if (folder / _FORWARD).exists() or (folder / _BACK).exists():  # interrupted during the move
        with locked(folder.parent / _LOCK):
            _finish(folder)
    else:
        _remove(folder)


@contextmanager
def moving(output: Path) -> Iterator[None]:
    """Locks the folder against moves by other processes."""
    with locked(output / _LOCK):
        yield


def move_out(folder: Path, names: Sequence[str]) -> None:
    """Moves a run's files to their final names: all of them, or none if one cannot be moved."""
    (folder / _OLDER).mkdir()
    older = [name for name in names if _keep(folder.parent / name, folder / _OLDER / name)]
    _write(folder / _DRAFT, {"names": list(names), "older": older})
    try:
        (folder / _DRAFT).replace(folder / _FORWARD)  # commits
        _flush(folder)
        _go_forward(folder)
    except BaseException:
        with suppress(FileNotFoundError):  # interrupted before the commit
            (folder / _FORWARD).replace(folder / _BACK)
        _go_back(folder)
        (folder / _BACK).unlink(missing_ok=True)
        raise
    (folder / _FORWARD).unlink()


def settle(output: Path) -> None:
    """Finishes committed moves of killed runs in a folder and removes their remains; never raises.

    For readers of several files of one run. A read-only folder stays unchanged: each file is whole, but may
    belong to another run than its neighbour.
    """
    with suppress(OSError, OutputError):
        if any(_folders(output)):
            with locked(output / _LOCK):
                _left_after_settling(output)


def _left_after_settling(output: Path) -> list[tuple[Path, list[str]]]:
    """The folders of live runs, each with the names it will write; finishes all others."""
    living = []
    for folder in list(_folders(output)):
        try:
            lock = hold(folder / _RUN)
        except FileNotFoundError:  # killed while it made or removed the folder
            with suppress(OSError):
                folder.rmdir()
            continue
        if lock is None:
            living.append((folder, _names(folder / _RUN, "names")))
            continue
        try:
            _finish(folder)
        except OSError as error:
            raise OutputError(
                f"{folder} holds files of a killed run that cannot be moved into place "
                f"({error.strerror}: {error.filename}): move them by hand, or give another --output"
            ) from error
        finally:
            os.close(lock)
    return living


def _folders(output: Path) -> Iterator[Path]:
    """The hidden folders of this user's runs; those of other users are not trusted or removed."""
    with os.scandir(output) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.name != _LOCK:
                with suppress(FileNotFoundError):  # a run has ended meanwhile
                    found = entry.stat(follow_symlinks=False)
                    if S_ISDIR(found.st_mode) and found.st_uid == _user():
                        yield output / entry.name


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0  # Windows has no user ids


def _finish(folder: Path) -> None:
    if (folder / _FORWARD).exists():
        try:
            _go_forward(folder)
        except OSError:
            (folder / _FORWARD).replace(folder / _BACK)
    if (folder / _BACK).exists():
        _go_back(folder)
    _remove(folder)


def _go_forward(folder: Path) -> None:
    for name in _names(folder / _FORWARD, "names"):
        with suppress(FileNotFoundError):  # already moved
            _make_folder_of(folder.parent / name)
            (folder / name).replace(folder.parent / name)
    _flush_folders(folder.parent, folder / _FORWARD)


def _go_back(folder: Path) -> None:
    older = set(_names(folder / _BACK, "older"))
    for name in _names(folder / _BACK, "names"):
        if name in older:
            with suppress(FileNotFoundError):  # already moved back
                (folder / _OLDER / name).replace(folder.parent / name)
        else:
            if not (folder / name).exists():
                (folder.parent / name).unlink(missing_ok=True)
            _remove_empty_folders(folder.parent, name)
    _flush_folders(folder.parent, folder / _BACK)


def _remove(folder: Path) -> None:
    """Removes a run's folder: journals first, so that a half-removed folder commits nothing; lock last."""
    for name in (_FORWARD, _BACK):
        (folder / name).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _RUN:
            path.unlink()
    (folder / _RUN).unlink(missing_ok=True)
    folder.rmdir()


def _keep(path: Path, older: Path) -> bool:
    """Keeps a file under a second name; False if it does not exist."""
    _make_folder_of(older)
    try:
        os.link(path, older, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError:  # no links on this file system, or another user's file
        shutil.copy2(path, older, follow_symlinks=False)
    return True


def _names(path: Path, key: str) -> list[str]:
    """Reads names from a run's file; rejects names that lead out of the folder."""
    with suppress(FileNotFoundError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        names = found.get(key) if isinstance(found, dict) else None
        if isinstance(names, list):
            return [name for name in names if isinstance(name, str) and _stays_inside(path.parents[1], name)]
    return []


def _stays_inside(output: Path, name: str) -> bool:
    place = Path(name)
    if not place.name or place.is_absolute() or place.drive or ".." in place.parts:
        return False
    return not any((output / folder).is_symlink() for folder in folders_of(name))


def folders_of(name: str) -> list[Path]:
    """The folders that a name leads into, innermost first."""
    return list(Path(name).parents)[:-1]


def _make_folder_of(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)


def _remove_empty_folders(output: Path, name: str) -> None:
    with suppress(OSError):  # not empty, or never made
        for folder in folders_of(name):
            (output / folder).rmdir()


def _flush_folders(output: Path, journal: Path) -> None:
    for folder in {output} | {(output / name).parent for name in _names(journal, "names")}:
        _flush(folder)


def _write(path: Path, content: dict[str, list[str]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """Flushes the folder's names to disk, where the system supports it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
