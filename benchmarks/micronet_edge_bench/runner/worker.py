"""One file in its own process: opens it, runs it once, then runs it on command of the coordinator.

Commands arrive as lines on standard input, for which a blocking read waits at no cost. Answers are JSON
lines. The runtime's own output goes to standard error.

**What a turn measures.** A worker that waited for the others has lost its cache contents, and the core may
have gone to sleep or to a lower clock. So every turn is one untimed inference, directly followed by a timed
one: the time is close to that of continuous operation. Measured in LiteRT, CPU time on a shared x86-64
machine, medians of 60 to 100 paired turns in each of four processes: alone, m0 is as fast without the untimed
inference (0.94 to 1.01). Among others, m0 and m1 take 0.86 to 0.98 of the time with it, depending on the
network and the others, so ratios would be biased without it. Four or eight untimed inferences gain a little
more but cost as many times the time. The spread within a process is 5 to 20 % wider with it.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from micronet_edge_bench.runner.runtimes.protocol import Runtime, Session

TURN, FINISH = b"turn\n", b"finish\n"

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serves the coordinator until standard input closes."""
    _end_with_coordinator()
    # Exits without Python's cleanup, which may hang in a runtime.
    gc.disable()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    try:
        _serve(sys.stdin.buffer, answers)
    except Exception as error:  # noqa: BLE001 - the coordinator reports every error
        with suppress(BrokenPipeError):
            _answer(answers, {"error": _error_text(error)})
        sys.exit(1)


def _serve(commands: BinaryIO, answers: BinaryIO) -> None:
    from micronet_edge_bench.runner.runtimes import runtime_for

    job = json.loads(commands.readline() or "null")
    if job is None:  # the coordinator has ended
        return
    path, threads, rounds = Path(job["path"]), job["threads"], job["profile_rounds"]
    runtime = runtime_for(path, job["runtime"])
    array = _array(Path(job["input"]))
    kernels = _usable(job["kernels"])
    if rounds is not None:
        _answer(answers, {**runtime.profile(path, threads, array, rounds, kernels)})
        return
    session = _load(runtime, path, threads, kernels, array, answers)
    for command in commands:
        if command == TURN:
            answers.write(b"%d\n" % _turn(session))
        elif command == FINISH:
            _answer(answers, _finish(session))
            return


def _load(
    runtime: Runtime,
    path: Path,
    threads: int,
    kernels: Path | None,
    array: NDArray[np.generic],
    answers: BinaryIO,
) -> Session:
    """Opens the file and runs it once. The time excludes the runtime's import, which `version` does."""
    version = runtime.version()
    start = time.perf_counter_ns()
    session = runtime.open(path, threads, kernels)
    opened = time.perf_counter_ns()
    session.set_input(array)
    begun = time.perf_counter_ns()
    session.infer()
    done = time.perf_counter_ns()
    times = {"load_ns": opened - start, "first_run_ns": done - begun}
    _answer(answers, {**times, "runtime": runtime.NAME, "runtime_version": version})
    return session


def _usable(libraries: dict[str, str]) -> Path | None:
    """The library of fused kernels for this machine, if one can be loaded."""
    name = libraries.get(platform.machine())
    if name is None:
        return None
    import ctypes

    library = Path(name).absolute()  # a bare name would be searched in the system's folders
    try:
        ctypes.CDLL(str(library))
    except OSError as error:  # built for another C library, such as a phone's
        sys.stderr.write(f"the fused kernels cannot be loaded here: {error}\n")
        return None
    return library


def _turn(session: Session) -> int:
    infer = session.infer
    infer()
    start = time.perf_counter_ns()
    infer()
    return time.perf_counter_ns() - start


def _finish(session: Session) -> dict[str, object]:
    """The final facts; reads the memory first, since the rest needs some as well."""
    peak = _peak_memory_bytes()
    import hashlib

    output = hashlib.sha256(b"".join(each.tobytes() for each in session.outputs())).hexdigest()
    return {"peak_memory_bytes": peak, "output_sha256": output, **session.facts()}


def _array(path: Path) -> NDArray[np.generic]:
    import numpy as np

    array: NDArray[np.generic] = np.load(path, allow_pickle=False)
    return array


def _peak_memory_bytes() -> int:
    """The peak resident memory of this process."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        status = ""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _end_with_coordinator() -> None:
    """Makes Linux end this process with its parent, even in a long call; elsewhere the blocking read does."""
    if not sys.platform.startswith(("linux", "android")):
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _answer(answers: BinaryIO, content: dict[str, object]) -> None:
    answers.write(json.dumps(content).encode() + b"\n")


def _error_text(error: Exception) -> str:
    """The error in one line, with its type unless it is one of ours."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: python3 -m pip install {error.name}"
    from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError, one_line

    if isinstance(error, RuntimeUnusableError):
        return one_line(error)
    return f"{type(error).__name__}: {one_line(error)}; the file may be damaged: export it again"
