"""The process that opens a case's file, as a fork, since a new interpreter would import PyTorch each time.

Its work, protocol and error reports are the product's own. A case has no threads when it starts, so forking
is safe.
"""

import os
import signal
import sys
from typing import IO

from micronet_edge.targets import isolation


class ForkedProcess:
    """The part of subprocess.Popen that micronet_edge.targets.isolation uses."""

    def __init__(self, errors: IO[bytes]) -> None:
        asked, ask = os.pipe()
        answered, answer = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(ask)
            os.close(answered)
            _serve(asked, answer, errors.fileno())
        os.close(asked)
        os.close(answer)
        self.stdin, self.stdout = os.fdopen(ask, "wb"), os.fdopen(answered, "rb")
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self) -> int:
        """Waits for the end; returns the exit code."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def kill(self) -> None:
        """Kills the process."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _serve(asked: int, answer: int, errors: int) -> None:
    for descriptor, place in ((asked, 0), (answer, 1), (errors, 2)):
        os.dup2(descriptor, place)
    os.closerange(3, 256)
    sys.stdin = os.fdopen(0)
    isolation.serve()


def start_by_forking() -> None:
    """Makes the processes that open files forks of this one."""
    isolation._started = ForkedProcess  # type: ignore[assignment]  # noqa: SLF001 - the only place that needs it
