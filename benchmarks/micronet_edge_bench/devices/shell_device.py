"""A device that runs POSIX shell scripts: the common part of ssh and adb."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from micronet_edge_bench.devices import scripts
from micronet_edge_bench.devices.bootstrap import OLDEST_PYTHON, install
from micronet_edge_bench.devices.device import DeviceFacts, OnLine
from micronet_edge_bench.devices.errors import DeviceError
from micronet_edge_bench.devices.keeper import Keeper, NoFolderError
from micronet_edge_bench.devices.local_process import follow, start
from micronet_edge_bench.devices.look import look
from micronet_edge_bench.devices.partial_files import arriving
from micronet_edge_bench.devices.quoting import one_line, plain_name
from micronet_edge_bench.devices.shell import Shell, new_token
from micronet_edge_bench.devices.why_it_failed import why_it_failed

_CONNECT_SECONDS = 30.0


class ShellDevice(Shell):
    """A device to which a local command sends scripts; subclasses define that command."""

    base = "${TMPDIR:-/tmp}"
    """The parent of the folder, as a word for the shell there."""

    pythons: tuple[str, ...] = ("python3",)
    """Names for its Python, best first."""

    patience_seconds: float | None = None
    """Seconds of silence in a run before the device must answer a check; None if the transport checks
    itself."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.stderr_tail = ""
        self._keeper: Keeper | None = None
        self._facts: DeviceFacts | None = None

    @property
    def folder(self) -> str:
        """The path of the folder on the device."""
        if self._keeper is None:
            raise DeviceError(self.label, "is not connected: call connect first")
        return self._keeper.folder

    def connect(self) -> None:
        """Connects to the device and makes the folder there."""
        try:
            self._keeper = Keeper.made(self.command_for(scripts.keep_folder(self.base)), _CONNECT_SECONDS)
        except NoFolderError as error:
            raise self._no_folder(error) from None

    def facts(self) -> DeviceFacts:
        """Finds the facts of the device; a device without Python is not an error here."""
        if self._facts is None:
            self._facts = look(self, self.ask, self.pythons)
        return self._facts

    def push(self, local: Path, name: str) -> None:
        """Copies a file into the folder and keeps its executable bit."""
        path = self._path(name)
        try:
            status = local.stat()
            with local.open("rb") as source:
                script = scripts.write_file(path, executable=bool(status.st_mode & 0o100))
                report = self.carry(script, source, None, status.st_size)
        except OSError as error:
            raise DeviceError(self.label, f"{local} cannot be sent: {error.strerror}") from error
        if report.code:
            reason = why_it_failed(report.code, report.stderr, ["cat"])
            raise DeviceError(self.label, reason or f"{name} cannot be written ({one_line(report.stderr)})")

    def pull(self, name: str, local: Path) -> None:
        """Copies a file from the folder; `local` appears whole or not at all."""
        path = self._path(name)
        try:
            size_bytes = int(self.ask(f"wc -c <{shlex.quote(path)}"))
        except DeviceError as error:
            raise DeviceError(self.label, f"{name!r} cannot be fetched ({error})") from error
        with arriving(local) as target:
            report = self.carry(scripts.read_file(path), None, target, size_bytes)
            if report.code:
                raise DeviceError(self.label, f"{name!r} cannot be fetched ({one_line(report.stderr)})")

    def run(self, command: Sequence[str], on_line: OnLine) -> int:
        """Runs a command in the folder and returns its exit code; its stdin stays open while we live."""
        token = new_token()
        script = scripts.reporting(scripts.run_in(self.folder, command), token)
        process = start(self.command_for(script))
        outcome = follow(process, on_line, self.patience_seconds, self._look_alive)
        report = self.read(outcome, token)
        self.stderr_tail = report.stderr
        assert report.code is not None
        if reason := why_it_failed(report.code, report.stderr, command):
            raise DeviceError(self.label, reason)
        return report.code

    def bootstrap(self, packages: Sequence[str], on_line: OnLine) -> None:
        """Installs packages for its Python into a separate folder there, which stays."""
        install(self, packages, on_line)
        self._facts = None

    def advice(self, packages: Sequence[str]) -> str:
        """How the user installs the packages there, or Python if none are given."""
        if not packages:
            return f"install Python {OLDEST_PYTHON} or newer on it"
        return (
            "run again with --bootstrap, which installs into ~/.cache/micronet-edge there, or there: "
            f"python3 -m pip install {' '.join(packages)}"
        )

    def close(self) -> None:
        """Ends running commands and removes the folder.

        A lost device does so itself once it notices; then no second error follows that of the loss.
        """
        was_lost = self.lost
        keeper, self._keeper = self._keeper, None
        if keeper is None or keeper.close():
            return
        try:
            self.ask(scripts.remove(keeper.folder))
        except DeviceError as error:
            if was_lost:
                return
            raise DeviceError(
                self.label, f"{keeper.folder} there may still exist ({error}): check, and remove it if so"
            ) from error

    def __enter__(self) -> Self:
        """Connects."""
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes; after another error, ignores a folder that cannot be removed."""
        try:
            self.close()
        except DeviceError:
            if error is None:
                raise

    def _look_alive(self) -> None:
        self.ask("true")

    def _path(self, name: str) -> str:
        return f"{self.folder}/{plain_name(self.label, name)}"

    def _no_folder(self, error: NoFolderError) -> DeviceError:
        if error.outcome is None:
            return self.silence(_CONNECT_SECONDS)
        if scripts.NO_FOLDER in error.outcome.stderr:
            reason = one_line(error.outcome.stderr.replace(scripts.NO_FOLDER, ""))
            return DeviceError(self.label, f"cannot create a folder there ({reason}): free some space")
        return self.explain(error.outcome, connected=False)
