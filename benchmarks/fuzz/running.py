"""Runs one command like the console script, in a fork of a process that has everything imported.

A case has its own folder, which is its working folder, home and temporary folder; limits of memory, time and
file size; and no terminal. The rules check its output, its files and its end.
"""

import gc
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from micronet_edge.targets import isolation

MOST_SECONDS = 120.0
_MOST_BYTES = 6 << 30  # of address space: PyTorch takes 0.7 GB, each thread half a GB
_MOST_WRITTEN = 512 << 20
_TEMPORARY = "temporary"
_LOADED = (
    *("ai_edge_litert.schema_py_generated", "ai_edge_litert.interpreter", "onnxsim", "onnxruntime"),
    *("onnx.checker", "onnx.inliner", "onnx.shape_inference"),
    *(
        "rich.progress",
        "rich.table",
        "micronet_edge.cli",
        "micronet_edge.reports.sensitivity_page",
        "micronet_edge.pipeline.sensitivity",
    ),
    *("micronet_edge.pipeline.count", "micronet_edge.evaluation.evaluate", "micronet_edge.pipeline.run"),
    *(
        "micronet_edge.targets.isolated_targets",
        "micronet_edge_bench.benching",
        "micronet_edge_bench.estimates.vela",
    ),
    *(
        "micronet_edge_bench.report.page",
        "micronet_edge_bench.tuning.tuning_run",
        "micronet_edge_onnx.target",
    ),
    *("micronet_edge_onnx.counting.count", "micronet_edge_onnx.metadata", "micronet_edge_tflite.target"),
    *("micronet_edge_tflite.counting.count", "micronet_edge_tflite.metadata"),
)


@dataclass(frozen=True)
class Case:
    """A command line, its files, and the expected outcome.

    `files` are the contents by name. A refusal must contain one of `names`, unless the command line itself is
    wrong. `outputs` are patterns of files that it may write. `proven` says that the files' manifest is
    present and no longer matches, so that success would be wrong.
    """

    kind: str
    arguments: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    names: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    proven: bool = False


@dataclass(frozen=True)
class Ran:
    """The end of a case: `code` is negative for a signal; `left` are new files."""

    code: int
    output: str
    errors: str
    seconds: float
    peak_bytes: int
    left: tuple[str, ...]
    late: bool


def load_everything() -> None:
    """Imports what commands import, without starting threads, which a fork would lose."""
    for name in _LOADED:
        import_module(name)
    import torch

    from micronet_edge.models import FAMILY
    from micronet_edge.models.micronet import tensor_shapes
    from micronet_edge.targets.registry import find_target

    torch.set_num_threads(1)
    for variant in FAMILY:
        tensor_shapes(variant)  # cached
    for name in ("onnx", "tflite"):
        find_target(name)
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123
        _main(("count", "none.onnx"))  # parsing a command imports more
    gc.collect()
    gc.freeze()  # otherwise each fork would copy the pages that the collector touches


def run(case: Case, folder: Path) -> Ran:
    """Runs a case in a new folder, which is removed afterwards."""
    place = folder / "case"
    place.mkdir()
    (place / _TEMPORARY).mkdir()
    for name, content in case.files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    before = _files(place)
    start = time.monotonic()
    pid = os.fork()
    if not pid:
        _become(case, place, folder)
    status, usage, late = _waited(pid, start + MOST_SECONDS)
    seconds = time.monotonic() - start
    left = tuple(sorted(_files(place) - before))
    shutil.rmtree(place)
    return Ran(
        code=os.waitstatus_to_exitcode(status),
        output=(folder / "stdout").read_text(encoding="utf-8", errors="replace"),
        errors=(folder / "stderr").read_text(encoding="utf-8", errors="replace"),
        seconds=seconds,
        peak_bytes=1024 * usage.ru_maxrss,
        left=left,
        late=late,
    )


def _files(place: Path) -> set[str]:
    found = (path.relative_to(place).as_posix() for path in place.rglob("*"))
    return {
        name for name in found if not name.startswith((f"{_TEMPORARY}/torchinductor", f"{_TEMPORARY}/.ses"))
    }


def _waited(pid: int, end: float) -> tuple[int, resource.struct_rusage, bool]:
    """Waits for the process; after the time limit kills it with all its children."""
    descriptor = os.pidfd_open(pid)
    late = not select.select([descriptor], [], [], end - time.monotonic())[0]
    os.close(descriptor)
    if late:
        os.killpg(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    return status, usage, late


def _become(case: Case, place: Path, folder: Path) -> None:
    """Becomes the case's process; does not return."""
    os.setsid()
    os.chdir(place)
    os.environ.update(TMPDIR=str(place / _TEMPORARY), HOME=str(folder), OMP_NUM_THREADS="1", COLUMNS="100")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, flags), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_WRITTEN, _MOST_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os._exit(_command(case.arguments))


def _command(arguments: Sequence[str]) -> int:
    """Runs the console script; returns the exit code."""
    tempfile.tempdir = None
    code = _main(arguments)
    for process in isolation._LATEST.values():  # noqa: SLF001 - as the interpreter does when it ends
        process.end()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _main(arguments: Sequence[str]) -> int:
    (script,) = entry_points(group="console_scripts", name="micronet-edge")
    main = script.load()
    sys.argv = ["micronet-edge", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
    return 1
