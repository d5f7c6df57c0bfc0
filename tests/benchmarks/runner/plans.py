"""Plans of real files, and the runner as a device runs it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from micronet_edge_bench.packing import FileToMeasure, pack
from micronet_edge_bench.runner.plan import Settings
from micronet_edge_bench.runner.runtimes import runtime_for


def array_for(path):
    """Numbers of the type and shape that the file takes."""
    session = runtime_for(path).open(path, 1)
    return np.random.default_rng(0).normal(size=session.input_shape).astype(session.input_dtype)


def packed(folder, paths, **settings):
    """A folder to measure the files in."""
    files = [FileToMeasure(path.name, path, array_for(path)) for path in paths]
    given = {"processes": 2, "rounds": 6, "least_warmup": 0, "most_warmup": 0, **settings}
    return pack(folder, files, Settings(**given))


def runner(*arguments, cwd, flags=("-I",), **options):
    """The packed runner of the folder as a process whose standard input we hold."""
    return subprocess.Popen(
        [sys.executable, *flags, "runner.pyz", *arguments],
        cwd=cwd,
        **{
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "start_new_session": True,
            **options,
        },
    )


def ran(folder, *arguments, **options):
    """The exit code and the lines of a run that was waited for."""
    with runner(*arguments, cwd=folder, **options) as process:
        output = process.stdout.read()
    return process.returncode, [json.loads(line) for line in output.splitlines()]


def result(folder: Path):
    return json.loads((folder / "result.json").read_text())
