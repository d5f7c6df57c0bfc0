"""Runs a client on a file in a process of its own, which may hang or die."""

import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clients.children.child import LOADED
from clients.client_table import CHILDREN, Client
from clients.files import Written

PATIENCE_SECONDS = 300
_LONGEST = 240


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a client: whether it opened the file, its scores, or why there are none."""

    loaded: bool
    scores: NDArray[np.generic] | None
    error: str
    seconds: float


def run(client: Client, start: tuple[str, ...], file: Written) -> Ran:
    """Runs a client, `start` being the words that start its child."""
    images = file.pixels if client.takes == "pixels" else file.inputs
    with tempfile.TemporaryDirectory(prefix="client-") as name:
        outputs = Path(name, "outputs.npy")
        program, script, *others = start
        options = json.dumps(dict(client.options))
        command = [program, str(CHILDREN / script), *others]
        command += [str(path.resolve()) for path in (file.path, images)] + [str(outputs), options]
        before = time.monotonic()
        code, said, errors = _finish(command, Path(name))
        seconds = round(time.monotonic() - before, 1)
        loaded = LOADED in said
        if code == 0 and outputs.exists():
            return Ran(loaded, np.load(outputs), "", seconds)
        folders = (str(file.path.parent.resolve()), name, str(Path(program).parents[1]))
        known = dict.fromkeys(folders, "") | {file.path.name: f"model{file.path.suffix}"}
        return Ran(loaded, None, _reason(code, said, errors, known), seconds)


def _finish(command: list[str], folder: Path) -> tuple[int | None, str, str]:
    """Exit code (None if it had to be stopped), output and errors of a process with one thread."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "GLOG_minloglevel": "3", "RUST_BACKTRACE": "0"}
    # A client that starts other programs, as converters do, finds those of its own environment.
    found = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    given = {"OMP_NUM_THREADS": "1", "HOME": str(folder), "PATH": found} | quiet
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            command, cwd=folder, env=kept | given, stdout=out, stderr=err, start_new_session=True
        )
        try:
            code: int | None = process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
    said, errors = ((folder / each).read_text(errors="replace") for each in ("stdout", "stderr"))
    return code, said, errors


def _reason(code: int | None, said: str, errors: str, known: dict[str, str]) -> str:
    """Why there are no scores, in one line that does not name the machine's folders, nor one file of many."""
    if code is None:
        return f"not done within {PATIENCE_SECONDS // 60} minutes"
    if code < 0:
        return f"dies ({signal.Signals(-code).name})"
    lines = [line.strip() for line in f"{said}\n{errors}".splitlines() if line != LOADED]
    lines = [line for line in lines if any(letter.isalpha() for letter in line)]
    last = lines[-1] if lines else f"ends with {code}"
    for text, other in known.items():
        last = last.replace(text + "/", other).replace(text, other)
    return last if len(last) <= _LONGEST else last[: _LONGEST - 3] + "..."
