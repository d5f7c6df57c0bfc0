"""Runs one command as the console script would, in a fork of a process that has everything loaded.

A case has a folder of its own, which is its working folder, its home and where its temporary files go; limits
of memory, time and file size; no terminal. What it wrote and how it ended is what the rules are held against.
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
_MOST_BYTES = 6 << 30  # of addresses: PyTorch alone takes 0.7 GB of them, threads half a GB each
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
    *("micronet_edge_tflite.count", "micronet_edge_tflite.metadata"),
)


@dataclass(frozen=True)
class Case:
    """A command line, the files that lie beside it, and what is expected of the run.

    `files` are the contents by name. `names` are texts one of which a refusal must hold; none need be where
    the command line itself is at fault. `outputs` are patterns of what may be
    written. `proven` says that the files' manifest is
    at hand and no longer fits: success would be wrong.
    """

    kind: str
    arguments: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    names: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    proven: bool = False


@dataclass(frozen=True)
class Ran:
    """How a case ended: `code` is below zero for a signal; `left` are files that were not there before."""

    code: int
    output: str
    errors: str
    seconds: float
    peak_bytes: int
    left: tuple[str, ...]
    late: bool


def load_everything() -> None:
    """Imports what commands import, and starts no thread, which a fork would lose."""
    for name in _LOADED:
        import_module(name)
    import torch

    from micronet_edge.models import FAMILY
    from micronet_edge.models.micronet import tensor_shapes
    from micronet_edge.targets.registry import find_target

    torch.set_num_threads(1)
    for variant in FAMILY:
        tensor_shapes(variant)  # is kept
    for name in ("onnx", "tflite"):
        find_target(name)
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123
        _main(("count", "none.onnx"))  # a command loads more as it is parsed
    gc.collect()
    gc.freeze()  # else each fork would copy what the collector touches


def run(case: Case, folder: Path) -> Ran:
    """Runs it in a new folder, which is gone afterwards."""
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
    """How the process ended, killed with all that it started where it takes too long."""
    descriptor = os.pidfd_open(pid)
    late = not select.select([descriptor], [], [], end - time.monotonic())[0]
    os.close(descriptor)
    if late:
        os.killpg(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    return status, usage, late


def _become(case: Case, place: Path, folder: Path) -> None:
    """The case's own process; does not come back."""
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
    """The console script from its start to its end; the exit code."""
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
