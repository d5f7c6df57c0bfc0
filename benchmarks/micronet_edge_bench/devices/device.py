"""The protocol of a device on which the bench measures.

    connect ──> facts ──> push ... ──> run ──> pull ... ──> close

How to add a device:

1. Write `devices/name.py` with a class of this shape. A `ShellDevice` (shell_device.py) fits anything that
   runs a POSIX shell script elsewhere with separate stdin, stdout and stderr: it needs the command that does
   so and the translation of that command's errors.
2. Add its scheme to `find_device` (__init__.py).
3. Test it against the real thing in tests/benchmarks/devices: names with shell metacharacters, an interrupted
   run, a full disk, and that nothing stays behind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

OnLine = Callable[[str], None]
"""Receives each line of output as it arrives, without its line end."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device is and what can run there.

    `interpreter` is the command that starts its Python, empty if there is none; `python` is its version;
    `packages` are the versions of numpy and the runtimes that it can import.
    """

    system: str
    architecture: str
    python: str | None
    interpreter: tuple[str, ...]
    packages: Mapping[str, str]


class Device(Protocol):
    """A device to measure on, with its own folder there while it is connected.

    All methods raise DeviceError, one line that starts with the label, when the device fails.
    """

    label: str

    @property
    def stderr_tail(self) -> str:
        """The last lines of the latest `run`'s stderr."""

    def connect(self) -> None:
        """Connects to the device and makes the folder."""

    def facts(self) -> DeviceFacts:
        """Finds the facts of the device; a device without Python is not an error here."""

    def push(self, local: Path, name: str) -> None:
        """Copies a file into the folder and keeps its executable bit."""

    def run(self, command: Sequence[str], on_line: OnLine) -> int:
        """Runs a command in the folder and returns its exit code; its stdin stays open while we live.

        Raises DeviceError on a command that cannot start and on a device that is lost meanwhile.
        """

    def pull(self, name: str, local: Path) -> None:
        """Copies a file from the folder; `local` appears whole or not at all."""

    def bootstrap(self, packages: Sequence[str], on_line: OnLine) -> None:
        """Installs Python packages into a separate folder there, which stays."""

    def advice(self, packages: Sequence[str]) -> str:
        """How the user installs the packages there, or Python if none are given."""

    def close(self) -> None:
        """Ends running commands and removes the folder."""

    def __enter__(self) -> Self:
        """Connects."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes."""
