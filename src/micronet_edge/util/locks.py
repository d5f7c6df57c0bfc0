"""File locks that the system releases when their holder ends, in any way."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from micronet_edge.errors import OutputError

if sys.platform != "win32":
    import fcntl

_PATIENCE_SECONDS = 60.0
"""Seconds to wait for a lock. Processes hold it for milliseconds; one that holds it longer hangs."""

_PAUSE_SECONDS = 0.005


def hold(path: Path) -> int | None:
    """Takes the lock of an existing file without waiting.

    Result   a handle that releases the lock when closed; None if another process holds it, or if the
             system has no locks
    Raises   OSError on a file that cannot be opened.
    """
    if sys.platform == "win32":
        return None
    handle = os.open(path, os.O_RDWR)  # network file systems lock only files open for writing
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file that exists only within the block; waits for other holders.

    Without locks in the system, the block runs unlocked. Raises OutputError if another process does not
    release it, OSError if the lock file cannot be made.
    """
    handle = _waited_for(path)
    try:
        yield
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)  # while locked, so that waiting processes see that it is gone
            os.close(handle)


@contextmanager
def held_alone(path: Path, refusal: str) -> Iterator[None]:
    """Holds a lock file that exists only within the block.

    Without locks in the system, the block runs unlocked. Raises OutputError with the text `refusal` if
    another process holds it, OSError if the lock file cannot be made.
    """
    handle = None if sys.platform == "win32" else _taken(path, refusal)
    try:
        yield
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)
            os.close(handle)


def _taken(path: Path, refusal: str) -> int | None:
    try:
        return _taken_now(path)
    except BlockingIOError as error:
        raise OutputError(refusal) from error


def _waited_for(path: Path) -> int | None:
    if sys.platform == "win32":
        return None
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            handle = _taken_now(path)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
            continue
        if handle is None or _is_still(path, handle):
            return handle
        os.close(handle)
    raise OutputError(
        f"another process holds {path} and does not release it: end it, or give another folder as --output"
    )


def _taken_now(path: Path) -> int | None:
    """The handle of the file's lock; None if the file system has no locks.

    Raises BlockingIOError if another process holds it, OSError if the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:  # no locks on this file system
        os.close(handle)
        path.unlink(missing_ok=True)
        return None
    return handle


def _is_still(path: Path, handle: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(handle))
    return False
