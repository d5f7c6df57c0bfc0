"""The process that opens a case's file, born as a fork: a fresh interpreter would load PyTorch each time.

What it does, how it is asked and how its death is told are the product's own. A case has started no thread
when it begins, so the fork is sound.
"""

import os
import signal
import sys
from typing import IO

from micronet_edge.targets import isolation


class ForkedProcess:
    """What micronet_edge.targets.isolation needs of subprocess.Popen."""

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
        """How it ended, None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self) -> int:
        """How it ended, once it has."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def kill(self) -> None:
        """Ends it."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _serve(asked: int, answer: int, errors: int) -> None:
    for descriptor, place in ((asked, 0), (answer, 1), (errors, 2)):
        os.dup2(descriptor, place)
    os.closerange(3, 256)
    sys.stdin = os.fdopen(0)
    isolation.serve()


def start_by_forking() -> None:
    """From now on, the processes that open files are forks of this one."""
    isolation._started = ForkedProcess  # type: ignore[assignment]  # noqa: SLF001 - the one place to do so
