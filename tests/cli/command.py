"""The command line tool as a person runs it, and one export that all tests share."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from example_images import digits

TOOL = Path(sys.executable).with_name("micronet-edge")
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "m0-digits.safetensors"
ONNX_FILE, TFLITE_FILE = "m0-digits-float32.onnx", "m0-digits-float32.tflite"
CALIBRATED_ON = 48
FILES = {f"{file}{end}" for file in (ONNX_FILE, TFLITE_FILE) for end in ("", ".manifest.json", ".md")}

_PROGRESS = "· "


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    output: str
    errors: str

    def refusal(self) -> str:
        """The one line it complained in, after any progress."""
        *before, last = self.errors.splitlines()
        assert last.startswith("error: "), self.errors
        assert all(line.startswith(_PROGRESS) for line in before), self.errors
        assert not self.output
        return last


def run(*arguments: object, cwd: Path, **environment: str) -> Ran:
    with start(*arguments, cwd=cwd, **environment) as process:
        output, errors = process.communicate()
    return Ran(process.returncode, output, errors)


def start(*arguments: object, cwd: Path, **environment: str) -> subprocess.Popen:
    # A test run in the background ignores Ctrl-C, and its children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [TOOL, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


def children_of(session: int) -> Iterator[str]:
    """The command lines of the processes that a command's session still holds, but for its leader."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _parent, _group, found = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            line = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:  # ended meanwhile
            continue
        if int(found) == session != int(folder.name) and state != "Z":
            yield line


def first_on_path(folder: Path) -> str:
    """PYTHONPATH with the folder in front of what is there."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def names(folder: Path) -> list[str]:
    """What lies in the folder."""
    return sorted(path.name for path in folder.iterdir())


def shared(tmp_path_factory, name, make):
    """The folder that `make` filled, once for all workers of a test run."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, partial = base / name, base / f"{name}.partial"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partial.mkdir()
            make(partial)
            partial.rename(folder)
    return folder


def shared_digits(tmp_path_factory) -> Path:
    """A folder in which `export --output files --json` was run; what it printed lies there as well."""

    def make(folder: Path) -> None:
        ran = run("export", DIGITS, "--output", "files", "--json", cwd=folder)
        assert ran.code == 0, ran.errors
        (folder / "stdout").write_text(ran.output)
        (folder / "stderr").write_text(ran.errors)

    return shared(tmp_path_factory, "digits", make)


def shared_quantized(tmp_path_factory) -> Path:
    """A folder with images to calibrate on, in which `quantize --output files --json` was run."""
    images = shared(tmp_path_factory, "digit-images", digits.write_images)

    def make(folder: Path) -> None:
        (folder / "calibration").mkdir()
        paths = digits.image_paths("train", images)
        for path in paths[:: len(paths) // CALIBRATED_ON][:CALIBRATED_ON]:
            shutil.copy(path, folder / "calibration")
        ran = run(
            *("quantize", DIGITS, "--calibration", "calibration", "--output", "files", "--json"), cwd=folder
        )
        assert ran.code == 0, ran.errors
        (folder / "stdout").write_text(ran.output)
        (folder / "stderr").write_text(ran.errors)

    return shared(tmp_path_factory, "quantized", make)
