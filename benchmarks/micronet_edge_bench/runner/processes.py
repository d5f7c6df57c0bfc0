"""The runner's processes: workers that it controls over pipes, and its parent."""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from micronet_edge_bench.runner.plan import PlannedFile, RunnerError, WorkerError
from micronet_edge_bench.runner.worker import FINISH, TURN

_ROOT = Path(__file__).parents[2]
"""The path of this package: a folder, or the file it is packed into."""

_LIBRARIES_THREADS = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_LOOK_AFTER_PARENT_MS = 1000
_READ_BYTES = 1 << 16


class Parent:
    """The process that started this runner: it has ended if our standard input closes or our parent changes.

    A standard input that is a terminal, a file or /dev/null does not show that, so it is not watched.
    """

    def __init__(self, stdin: int = 0) -> None:
        self._number, self._stdin = os.getppid(), stdin
        self._watches_input = _is_pipe(stdin)

    def wait_with_us(self, descriptor: int) -> None:
        """Waits until the descriptor is readable.

        Raises RunnerError if the parent ends meanwhile.
        """
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if self._watches_input:
            poll.register(self._stdin, select.POLLIN)
        while True:
            ready = {number for number, _event in poll.poll(_LOOK_AFTER_PARENT_MS)}
            if self._stdin in ready:
                self._read_on()
            if os.getppid() != self._number:
                raise RunnerError("the process that started the runner has ended")
            if descriptor in ready:
                return

    def _read_on(self) -> None:
        if not os.read(self._stdin, _READ_BYTES):
            raise RunnerError("standard input was closed, which ends the runner")


class Worker:
    """A process with one file open. As a context manager it ends with the block."""

    def __init__(
        self, file: PlannedFile, parent: Parent, threads: int, profile_rounds: int | None = None
    ) -> None:
        self._name, self._parent, self._unread = file.name, parent, b""
        self._process = _start(threads)
        job = {
            "path": str(file.path),
            "input": str(file.input),
            "kernels": {machine: str(path) for machine, path in file.kernels.items()},
            "runtime": file.runtime,
            "threads": threads,
            "profile_rounds": profile_rounds,
        }
        self._send(json.dumps(job).encode() + b"\n")

    def __enter__(self) -> Worker:  # noqa: PYI034 - Python 3.9 has no Self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def report(self) -> dict[str, object]:
        """The worker's first report: the result of loading, or its profile.

        Raises WorkerError with the worker's error, or with what ended it.
        """
        content = self._answer()
        assert isinstance(content, dict)
        return content

    def turn(self) -> int:
        """The nanoseconds of one inference. Raises WorkerError, as `report` does."""
        self._send(TURN)
        elapsed_ns = self._answer()
        assert isinstance(elapsed_ns, int)
        return elapsed_ns

    def finish(self) -> dict[str, object]:
        """The final facts about the file. Raises WorkerError, as `report` does."""
        self._send(FINISH)
        return self.report()

    def _send(self, command: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command)
        except BrokenPipeError:
            raise self._died() from None

    def _answer(self) -> object:
        content: object = json.loads(self._line())
        if isinstance(content, dict) and "error" in content:
            raise WorkerError(f"{self._name}: {content['error']}")
        return content

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            self._parent.wait_with_us(descriptor)
            read = os.read(descriptor, _READ_BYTES)
            if not read:
                raise self._died()
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _died(self) -> WorkerError:
        code = self._process.wait()
        if code >= 0:
            return WorkerError(f"{self._name}: its process ended early with exit code {code}")
        number = -code
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        killed, crashed = (
            "there may be too little memory: free some",
            "the file may be damaged: export it again",
        )
        hint = "" if number == signal.SIGTERM else f": {killed if number == signal.SIGKILL else crashed}"
        return WorkerError(f"{self._name}: its process was ended by {name}{hint}")


def _start(threads: int) -> subprocess.Popen[bytes]:
    flags = [flag for flag, given in (("-I", sys.flags.isolated), ("-S", sys.flags.no_site)) if given]
    ourselves = [str(_ROOT)] if _ROOT.is_file() else ["-m", "micronet_edge_bench.runner"]
    environment = {**os.environ, **dict.fromkeys(_LIBRARIES_THREADS, "1"), "OMP_NUM_THREADS": str(threads)}
    # A terminal sends Ctrl-C to all processes; workers ignore it, and the coordinator ends them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, *flags, *ourselves, "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_pipe(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
