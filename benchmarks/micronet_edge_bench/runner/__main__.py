"""`python3 runner.pyz plan.json` measures; `python3 runner.pyz --facts` prints the environment.

Standard output has one JSON object per line for the parent: progress, and `{"error": "..."}` at the end of a
failed run. The result appears as `result.json` beside the plan.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

_USAGE = 2
_QUIET_SECONDS = 0.5
"""Seconds between progress lines. They are rare, since each wakes the reader, perhaps on this machine."""


def main() -> None:
    """Runs the command line."""
    arguments = sys.argv[1:]
    if arguments == ["--worker"]:
        from micronet_edge_bench.runner.worker import main as work

        work()
    elif arguments == ["--facts"]:
        _say(_facts())
    elif len(arguments) == 1 and not arguments[0].startswith("-"):
        sys.exit(_run(Path(arguments[0])))
    else:
        sys.stderr.write("usage: runner.pyz PLAN.json | --facts\n")
        sys.exit(_USAGE)


def _run(path: Path) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _end)
    try:
        error_text = _error_text(path)
        if error_text is not None:
            _say({"error": error_text})
    except BrokenPipeError:  # the reader has ended; pending output goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0 if error_text is None else 1


def _error_text(path: Path) -> str | None:
    """Measures; returns the error line if it fails."""
    from micronet_edge_bench.runner.plan import RunnerError

    try:
        _measure(path)
    except RunnerError as error:
        return str(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        return f"{error.filename or path.parent}: {error.strerror}"
    return None


def _measure(path: Path) -> None:
    """Measures; the result appears whole, after the older one is removed."""
    from micronet_edge_bench.runner.coordinate import measure
    from micronet_edge_bench.runner.plan import RESULT_NAME, read_plan
    from micronet_edge_bench.runner.processes import Parent

    parent, output = Parent(), path.with_name(RESULT_NAME)
    output.unlink(missing_ok=True)
    result = measure(read_plan(path), parent, _Progress())
    partial = output.with_name(f"{output.name}.partial")
    try:
        partial.write_text(json.dumps(result), encoding="utf-8")
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


class _Progress:
    """Reports the progress of a stage, at its start and at intervals."""

    def __init__(self) -> None:
        self._stage, self._said = "", 0.0

    def __call__(self, stage: str, done: float, total: float) -> None:
        now = time.monotonic()
        if stage != self._stage or now - self._said > _QUIET_SECONDS or done >= total:
            self._stage, self._said = stage, now
            _say({"stage": stage, "done": round(done, 1), "total": total})


def _facts() -> dict[str, object]:
    from micronet_edge_bench.runner.facts import environment, passing_facts

    try:
        from micronet_edge_bench.runner.runtimes import installed

        runtimes = installed()
    except ImportError:  # without numpy no runtime works
        runtimes = {}
    return {**environment(), **passing_facts(), "runtimes": runtimes}


def _end(number: int, _frame: FrameType | None) -> None:
    """Turns a termination signal into an error, which ends the workers."""
    from micronet_edge_bench.runner.plan import RunnerError

    raise RunnerError(f"the runner was ended by {signal.Signals(number).name}")


def _say(content: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
