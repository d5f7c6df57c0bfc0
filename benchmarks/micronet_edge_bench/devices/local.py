"""The local machine as a device: a temporary folder, and processes."""

import errno
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from micronet_edge_bench.devices.device import DeviceFacts, OnLine
from micronet_edge_bench.devices.errors import DeviceError
from micronet_edge_bench.devices.local_process import follow, start
from micronet_edge_bench.devices.look import PACKAGES
from micronet_edge_bench.devices.probe_there import versions
from micronet_edge_bench.devices.quoting import plain_name
from micronet_edge_bench.devices.why_it_failed import why_it_failed

_CODES = {errno.ENOENT: 127, errno.EACCES: 126, errno.ENOEXEC: 126}
"""The exit codes of a shell for a program that does not start."""


class LocalDevice:
    """The local machine, with the running Python."""

    def __init__(self, label: str = "local") -> None:
        self.label = label
        self.stderr_tail = ""
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def folder(self) -> Path:
        """The path of the folder."""
        if self._folder is None:
            raise DeviceError(self.label, "is not connected: call connect first")
        return Path(self._folder.name)

    def connect(self) -> None:
        """Makes the folder."""
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="micronet-edge-")
        except OSError as error:
            raise DeviceError(
                self.label, f"cannot create a folder ({error.strerror}): free some space"
            ) from error

    def facts(self) -> DeviceFacts:
        """The facts of this machine and of this Python."""
        return DeviceFacts(
            system=f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
            architecture=platform.machine(),
            python=platform.python_version(),
            interpreter=(sys.executable,),
            packages=versions(list(PACKAGES)),
        )

    def push(self, local: Path, name: str) -> None:
        """Copies a file into the folder, with its permissions."""
        self._copy(local, self.folder / plain_name(self.label, name))

    def pull(self, name: str, local: Path) -> None:
        """Copies a file from the folder; `local` appears whole or not at all."""
        partial = local.with_name(f".partial-{os.getpid()}-{local.name}")
        try:
            self._copy(self.folder / plain_name(self.label, name), partial)
            partial.replace(local)
        finally:
            partial.unlink(missing_ok=True)

    def run(self, command: Sequence[str], on_line: OnLine) -> int:
        """Runs a command in the folder and returns its exit code; its stdin stays open while we live."""
        try:
            process = start(command, self.folder)
        except OSError as error:
            reason = why_it_failed(_CODES.get(error.errno or 0, 126), str(error), command)
            raise DeviceError(self.label, reason or str(error)) from error
        outcome = follow(process, on_line)
        self.stderr_tail = outcome.stderr
        code = outcome.code if outcome.code >= 0 else 128 - outcome.code  # a shell's exit code for a signal
        if reason := why_it_failed(code, outcome.stderr, command):
            raise DeviceError(self.label, reason)
        return code

    def bootstrap(self, packages: Sequence[str], on_line: OnLine) -> None:
        """Refuses, since users choose what to install on their machine."""
        del on_line
        raise DeviceError(
            self.label, f"--bootstrap does not install on this machine: {self.advice(packages)}"
        )

    def advice(self, packages: Sequence[str]) -> str:
        """How to install packages here."""
        return f"{sys.executable} -m pip install {' '.join(packages)}"

    def close(self) -> None:
        """Removes the folder."""
        folder, self._folder = self._folder, None
        if folder:
            folder.cleanup()

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
        """Closes."""
        self.close()

    def _copy(self, source: Path, target: Path) -> None:
        try:
            shutil.copy(source, target)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DeviceError(self.label, f"no space left for {target.name}: free some") from error
            raise DeviceError(self.label, f"{source} cannot be copied: {error.strerror}") from error
