"""Local processes: reads their lines as they arrive, keeps the end of their stderr, and ends them."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

from micronet_edge_bench.devices.device import OnLine

_TAIL_LINES = 40
_LONGEST_LINE = 1 << 20
_GRACE_SECONDS = 5.0
"""Seconds a process may take to end before it is killed."""

_LAST_WORDS_SECONDS = 2.0
"""Seconds that output may still arrive after its process has ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a process: its exit code and the last lines of its stderr."""

    code: int
    stderr: str


class Tail:
    """The last lines of a stream, which a thread reads to its end so that the writer never blocks."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)
        self._thread = Thread(target=_each_line, args=(stream, self._lines.append), daemon=True)
        self._thread.start()

    def text(self) -> str:
        """The last lines, after the stream has ended or the time is over."""
        self._thread.join(_LAST_WORDS_SECONDS)
        return "\n".join(list(self._lines))


def start(command: Sequence[str], folder: Path | None = None) -> subprocess.Popen[bytes]:
    """Starts a process with pipes in its own session: Ctrl-C reaches only this process, which ends it."""
    pipe = subprocess.PIPE
    return subprocess.Popen(  # noqa: S603 - no shell, and the callers choose the program
        command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder, start_new_session=True
    )


def follow(
    process: subprocess.Popen[bytes],
    on_line: OnLine,
    patience_seconds: float | None = None,
    on_silence: Callable[[], None] = lambda: None,
) -> Outcome:
    """Passes each line of stdout to `on_line` until the process ends; it has ended on return or error.

    Calls `on_silence` after every `patience_seconds` without a line; it may raise to end the process.
    """
    assert process.stdout
    assert process.stderr
    lines: SimpleQueue[str | None] = SimpleQueue()
    reader = Thread(target=_each_line, args=(process.stdout, lines.put), daemon=True)
    reader.start()
    tail = Tail(process.stderr)
    Thread(target=_tell_end, args=(process, reader, lines), daemon=True).start()
    try:
        while True:
            try:
                line = lines.get(timeout=patience_seconds)
            except Empty:
                on_silence()
                continue
            if line is None:
                return Outcome(process.wait(), tail.text())
            on_line(line)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and its children: closed stdin and SIGTERM first, then SIGKILL."""
    if process.stdin:
        with suppress(OSError):  # it may have ended already
            process.stdin.close()
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
            return


def _tell_end(process: subprocess.Popen[bytes], reader: Thread, lines: "SimpleQueue[str | None]") -> None:
    process.wait()
    reader.join(_LAST_WORDS_SECONDS)
    lines.put(None)


def _each_line(stream: IO[bytes], take: OnLine) -> None:
    with stream, suppress(ValueError, OSError):  # `end` closed it during a read
        while line := stream.readline(_LONGEST_LINE):
            take(line.decode(errors="replace").rstrip("\r\n"))
