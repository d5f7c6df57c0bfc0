"""Runs Python on this source tree as if it was installed, without packages that the environment has."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
ROOTS = ("src", "exporters", "benchmarks")


def path_with_entry_points(folder, *before):
    """PYTHONPATH with the sources, and in the folder what pip would leave of them: the entry points."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    information = folder / f"micronet_edge-{project['version']}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: micronet-edge\nVersion: {project['version']}\n"
    )
    groups = (
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in entries.items())
        for group, entries in project["entry-points"].items()
    )
    (information / "entry_points.txt").write_text("".join(groups))
    return os.pathsep.join(map(str, (*before, folder, *(REPOSITORY / root for root in ROOTS))))


def blocking(folder, packages):
    """A folder for PYTHONPATH that hides packages, as if they were not installed."""
    folder.mkdir(parents=True)
    code = (
        "import sys\n"
        f"for name in {sorted(packages)!r}:\n"
        "    sys.modules[name] = None\n"  # Python then says that it is not found
    )
    (folder / "sitecustomize.py").write_text(code)
    return folder


def python(code, *arguments, path, interpreter=sys.executable):
    """Runs the code; gives how it ended."""
    return subprocess.run(
        [interpreter, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
