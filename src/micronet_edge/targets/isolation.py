"""A process of its own for what may die: a runtime that opens a damaged file takes its process with it.

The process is a fresh interpreter, not a fork, since PyTorch and the runtimes start threads, which a fork
loses. It is asked over its standard input and answers over its standard output: a pickle each way, which is
no door for a file, as both ends are ours. It ends with whoever started it. Imports nothing heavy.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import traceback
import weakref
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread, Timer
from typing import IO, Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_START = "import sys; sys.path[:] = sys.argv[1:]; from micronet_edge.targets.isolation import serve; serve()"
_NEEDED = "micronet_edge.targets.isolated_targets"  # takes most of the time that a first question would wait
_LENGTH_BYTES = 8
_WORDS_SHOWN = 200
_TAIL_BYTES = 4096


class DeathError(Exception):
    """The process ended, or was ended, before it answered; the text says how, without a subject."""


_LATEST: "dict[tuple[int, str], IsolatedProcess]" = {}


class IsolatedProcess:
    """A process that calls functions for this one, one at a time, until it is let go."""

    def __init__(self) -> None:
        """Starts it, and does not wait until it has loaded what it needs."""
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process is
        self._process = _started(self._errors)
        self._lock = Lock()
        self.dropped: list[int] = []
        """What was opened over there and is no longer needed, for whoever opens the next."""
        self.end = weakref.finalize(self, _end, os.getpid(), self._process, self._errors)
        """Ends the process now; by itself it ends when this object goes."""

    @property
    def alive(self) -> bool:
        return self.end.alive and self._process.poll() is None

    def call(
        self,
        function: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """What a module's function gives over there.

        Raises what it raises, and DeathError where the process ends instead.
        """
        with self._lock:
            try:
                good, answer = self._exchange((function, args, kwargs))
            except BaseException:  # an interrupted exchange would answer the next question
                self.end()
                raise
        if good:
            return answer  # type: ignore[no-any-return]
        raise answer

    def call_within(
        self, seconds: float, function: Callable[..., Result], *args: object, **kwargs: object
    ) -> Result:
        """As `call`. Raises DeathError where there is no answer after so many seconds."""
        expired = Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        late = Timer(seconds, expire)
        late.daemon = True
        late.start()
        try:
            return self.call(function, *args, **kwargs)
        except DeathError as error:
            if expired.is_set():
                raise DeathError(f"did not answer within {seconds:g} seconds") from error
            raise
        finally:
            late.cancel()

    def _exchange(self, question: object) -> tuple[bool, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if not self.end.alive:
            raise DeathError("was ended before")
        try:
            written = pickle.dumps(question, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.write(len(written).to_bytes(_LENGTH_BYTES, "little") + written)
            self._process.stdin.flush()
            answer: tuple[bool, Any] = pickle.load(self._process.stdout)  # noqa: S301 - of our own process
        except (BrokenPipeError, EOFError, pickle.UnpicklingError) as error:
            raise DeathError(self._how_it_ended()) from error
        return answer

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else "an unknown signal"
            hint = ", perhaps for want of memory" if -code == signal.SIGKILL else self._last_words()
            return f"ended with signal {-code} ({name}){hint}"
        return f"ended with exit code {code}{self._last_words()}"

    def _last_words(self) -> str:
        """The last line that the process wrote, such as why a library gave up."""
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _TAIL_BYTES))
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        said = "".join(letter for letter in last if letter.isprintable())[:_WORDS_SHOWN]
        return f", saying {said!r}" if said else ""


def _started(errors: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", _START, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )


def process_for(path: Path) -> IsolatedProcess:
    """The process for a file: that of the call before if it was for the same file, else a fresh one.

    So one file can bring no other down, and one that is opened several times pays for one start.
    """
    key = (os.getpid(), os.path.realpath(path))
    process = _LATEST.get(key)
    if process is None or not process.alive:
        _LATEST.clear()
        process = _LATEST[key] = IsolatedProcess()
    return process


def expect(path: Path) -> None:
    """Starts the process for a file that will be opened soon, which loads beside us meanwhile.

    Only for formats that are called by their suffix, as ours are; others start when they are opened.
    """
    formats = {f".{point.name}" for point in entry_points(group="micronet_edge.targets")}
    if path.suffix in formats and os.path.isfile(path):  # noqa: PTH113 - Path's raises on odd names
        process_for(path)


def _end(owner: int, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> None:
    if os.getpid() != owner:  # a fork of its owner
        return
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, errors):
        assert pipe is not None
        with suppress(OSError):  # what the process no longer reads
            pipe.close()


def serve() -> None:
    """Answers the process at the other end of standard input until that goes, which ends this one."""
    # A terminal's Ctrl-C goes to all processes; whoever started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):  # where Linux runs out of memory, it ends this process first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    questions: SimpleQueue[bytes] = SimpleQueue()
    # A thread of its own, so that the end of the input ends a call that runs as well.
    Thread(target=_read, args=(sys.stdin.buffer, questions), daemon=True).start()
    with suppress(Exception):  # who asks for it is told why it cannot be had
        import_module(_NEEDED)
    while True:
        pickle.dump(_answer(questions.get()), answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


def _read(pipe: IO[bytes], questions: "SimpleQueue[bytes]") -> None:
    while length := int.from_bytes(pipe.read(_LENGTH_BYTES), "little"):
        questions.put(pipe.read(length))
    os._exit(0)


def _answer(question: bytes) -> tuple[bool, object]:
    try:
        function, args, kwargs = pickle.loads(question)  # noqa: S301 - of our own process
        return True, function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is for the other side
        return False, _portable(error)


def _portable(error: Exception) -> Exception:
    """The error as the other side can raise it, with the way it came as a note for --debug."""
    came_by = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - errors of extensions fail in any way
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.__traceback__ = error.__cause__ = error.__context__ = None
    error.add_note(f"In the process that opened the file:\n{came_by}")
    return error
