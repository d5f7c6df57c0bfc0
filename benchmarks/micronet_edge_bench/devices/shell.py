"""Runs POSIX shell scripts on a device until their reported end."""

import secrets
import subprocess
import time
from abc import ABC, abstractmethod
from typing import IO

from micronet_edge_bench.devices.errors import DeviceError
from micronet_edge_bench.devices.local_process import Outcome
from micronet_edge_bench.devices.quoting import one_line
from micronet_edge_bench.devices.scripts import Report, read_report, reporting

_ANSWER_SECONDS = 30.0
_SLOWEST_BYTES_PER_SECOND = 20_000
"""Bytes per second below which a transfer counts as stuck."""


class Shell(ABC):
    """A shell on a device; subclasses define the transport."""

    label: str
    lost = False
    """Whether the device was lost after it was connected."""

    @abstractmethod
    def command_for(self, script: str) -> list[str]:
        """The local command that runs a script there with separate stdin, stdout and stderr."""

    @abstractmethod
    def explain(self, outcome: Outcome, *, connected: bool) -> DeviceError:
        """Why the device could not be reached or, if it was `connected`, was lost."""

    def ask(self, script: str) -> str:
        """The output of a short script.

        Raises DeviceError if it fails.
        """
        report, answer = self._finish(script, None, subprocess.PIPE, _ANSWER_SECONDS)
        if report.code:
            raise DeviceError(self.label, one_line(report.stderr))
        return answer.decode(errors="replace").strip()

    def carry(
        self, script: str, source: IO[bytes] | None, target: IO[bytes] | None, size_bytes: int
    ) -> Report:
        """Runs a script that transfers that many bytes."""
        seconds = _ANSWER_SECONDS + size_bytes / _SLOWEST_BYTES_PER_SECOND
        return self._finish(script, source, target, seconds)[0]

    def read(self, outcome: Outcome, token: str) -> Report:
        """The report of a script.

        Raises DeviceError if there is none, since the device was lost meanwhile.
        """
        report = read_report(outcome.stderr, token)
        if report.code is None:
            self.lost = True
            raise self.explain(Outcome(outcome.code, report.stderr), connected=True)
        return report

    def silence(self, seconds: float) -> DeviceError:
        """The error for a device that does not answer."""
        return DeviceError(
            self.label, f"does not answer within {seconds:.0f} s: check that it is on and connected"
        )

    def _finish(
        self, script: str, source: IO[bytes] | None, target: IO[bytes] | int | None, seconds: float
    ) -> tuple[Report, bytes]:
        token = new_token()
        started = time.monotonic()
        try:
            done = subprocess.run(  # noqa: S603 - no shell here, and for the one there all words are quoted
                self.command_for(reporting(script, token)),
                check=False,
                stdin=source or subprocess.DEVNULL,
                stdout=target or subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=seconds,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise self.silence(time.monotonic() - started) from None
        outcome = Outcome(done.returncode, done.stderr.decode(errors="replace"))
        return self.read(outcome, token), done.stdout or b""


def new_token() -> str:
    """A random word with which a script reports its end."""
    return f"micronet-edge-{secrets.token_hex(8)}"
