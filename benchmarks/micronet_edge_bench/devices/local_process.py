"""Processes on this machine: their lines as they come, the end of their complaints, and an end to them."""

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
"""How long a process may take to end when asked to, before it is killed."""

_LAST_WORDS_SECONDS = 2.0
"""How long output may still come out of a pipe after its process has ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process ended: its exit code and the last lines of its stderr."""

    code: int
    stderr: str


class Tail:
    """The last lines of a stream, read to its end in a thread so that the writer is never held up."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)
        self._thread = Thread(target=_each_line, args=(stream, self._lines.append), daemon=True)
        self._thread.start()

    def text(self) -> str:
        """What came last, once the stream has ended or has had time to."""
        self._thread.join(_LAST_WORDS_SECONDS)
        return "\n".join(list(self._lines))


def start(command: Sequence[str], folder: Path | None = None) -> subprocess.Popen[bytes]:
    """A process with pipes, in a session of its own: Ctrl-C in the terminal reaches us, and we end it."""
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
    """Gives each line of stdout to `on_line` till the process ends; whatever happens, it has ended then.

    `on_silence` is called after every `patience_seconds` without a line, and may raise to make an end.
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
        with suppress(OSError):  # it may be gone already
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
    with stream, suppress(ValueError, OSError):  # closed by `end` in the middle of a read
        while line := stream.readline(_LONGEST_LINE):
            take(line.decode(errors="replace").rstrip("\r\n"))
