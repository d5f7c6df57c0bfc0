"""The seam between the bench and the places it measures in: what a device must offer.

    connect ──> facts ──> push ... ──> run ──> pull ... ──> close

How to add a device:

1. Write `devices/name.py` with a class of this shape. Whatever can run a POSIX shell script elsewhere, with
   stdin, stdout and stderr of its own, is a `ShellDevice` (shell_device.py): it needs the command that
   does so and the words for what that command complains about.
2. Let `find_device` (__init__.py) know its scheme.
3. Test it against the real thing in tests/benchmarks/devices: names that a shell would trip over, an end in
   the middle of a run, no space, and that nothing is left behind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

OnLine = Callable[[str], None]
"""Is given each line of output as it comes, without its end."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device is and what can be run there.

    `interpreter` is the command that starts its Python, empty where there is none; `python` is its
    version and `packages` the versions of what it can import: numpy and the runtimes.
    """

    system: str
    architecture: str
    python: str | None
    interpreter: tuple[str, ...]
    packages: Mapping[str, str]


class Device(Protocol):
    """A place to measure in, with a folder of its own there for as long as it is connected.

    All raise DeviceError, one line that starts with the label, when the device does not do as asked.
    """

    label: str

    @property
    def stderr_tail(self) -> str:
        """The last lines that the latest `run` wrote to stderr."""

    def connect(self) -> None:
        """Reaches the device and makes the folder."""

    def facts(self) -> DeviceFacts:
        """Looks at what is there; a device without Python is no error here."""

    def push(self, local: Path, name: str) -> None:
        """Copies a file into the folder. It is executable there if it is here."""

    def run(self, command: Sequence[str], on_line: OnLine) -> int:
        """Runs a command in the folder and gives its exit code; its stdin stays open till we are gone.

        Raises DeviceError on a command that cannot be started there and on a device that is lost meanwhile.
        """

    def pull(self, name: str, local: Path) -> None:
        """Copies a file out of the folder; `local` appears whole or not at all."""

    def bootstrap(self, packages: Sequence[str], on_line: OnLine) -> None:
        """Installs packages for Python into a folder of the tool's own there, which stays."""

    def advice(self, packages: Sequence[str]) -> str:
        """How a person gets Python (no packages given) or the packages there."""

    def close(self) -> None:
        """Ends what runs there and removes the folder."""

    def __enter__(self) -> Self:
        """Connects."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes."""
