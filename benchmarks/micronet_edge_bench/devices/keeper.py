"""The local side of a device's folder, which exists while its keeper process runs there."""

import subprocess
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Self

from micronet_edge_bench.devices.local_process import Outcome, Tail, end, start
from micronet_edge_bench.devices.scripts import FOLDER_MARK

_CLOSE_SECONDS = 20.0
"""Longer than the keeper waits for a command to end."""


class NoFolderError(Exception):
    """No folder was made; `outcome` is the end of the attempt, None if it did not end in time."""

    def __init__(self, outcome: Outcome | None) -> None:
        super().__init__("no folder")
        self.outcome = outcome


class Keeper:
    """A folder on a device, and the local process whose open stdin keeps it."""

    def __init__(self, folder: str, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._process = process

    @classmethod
    def made(cls, command: Sequence[str], seconds: float) -> Self:
        """Starts the command that runs the keeper's script there, and waits for the folder's name.

        Raises NoFolderError.
        """
        process = start(command)
        assert process.stdout
        assert process.stderr
        tail = Tail(process.stderr)
        names: SimpleQueue[str | None] = SimpleQueue()
        Thread(target=_find_name, args=(process.stdout, names), daemon=True).start()
        try:
            name = names.get(timeout=seconds)
        except Empty:
            end(process)
            raise NoFolderError(None) from None
        except BaseException:
            end(process)
            raise
        if name is None:
            code = process.wait()
            end(process)
            raise NoFolderError(Outcome(code, tail.text()))
        return cls(name, process)

    def close(self) -> bool:
        """Releases the folder; returns whether the keeper has removed it."""
        assert self._process.stdin
        try:
            self._process.stdin.close()
            return self._process.wait(_CLOSE_SECONDS) == 0
        except (OSError, subprocess.TimeoutExpired):
            return False
        finally:
            end(self._process)


def _find_name(stream: IO[bytes], names: "SimpleQueue[str | None]") -> None:
    """Finds the line with the mark among a login's other output, and reads on to the end."""
    with stream:
        for line in stream:
            _, mark, name = line.decode(errors="surrogateescape").rstrip("\r\n").partition(FOLDER_MARK)
            if mark:
                names.put(name)
    names.put(None)
