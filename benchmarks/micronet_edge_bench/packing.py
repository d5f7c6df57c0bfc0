"""Packs what a device needs: the runner as one file, and a plan with its files."""

import json
import re
import shutil
import tempfile
import zipapp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micronet_edge import kernels
from micronet_edge.errors import OutputError, SettingsError, TargetError
from micronet_edge.kernels import Kernels
from micronet_edge.targets.registry import target_of
from micronet_edge_bench import runner
from micronet_edge_bench.runner.plan import PLAN_NAME, Plan, PlanError, PlannedFile, Settings, plan_content

RUNNER_NAME = "runner.pyz"

_PACKAGE = Path("micronet_edge_bench", "runner")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
"""Characters that are not safe for every shell, file system and protocol."""


@dataclass(frozen=True, slots=True)
class FileToMeasure:
    """A network's file, its name in the results, and its input array.

    `kernels` says whether the fused kernels may run it; `runtime` names the one to run it in, of several that
    can.
    """

    name: str
    path: Path
    array: NDArray[np.generic]
    kernels: Kernels = "off"
    runtime: str | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """A folder to measure in; the device needs all of `names` in one folder."""

    folder: Path
    names: tuple[str, ...]


def pack(folder: Path, files: Sequence[FileToMeasure], settings: Settings) -> Packed:
    """Writes the runner, the plan, the files and their arrays into an existing folder.

    Result   `runner.pyz plan.json` measures there; the names there consist of letters, digits, `.`, `_` and
             `-`, independent of the files' names
    Raises   SettingsError on invalid settings, TargetError on a file that cannot be read, and OutputError
             if the folder cannot be written.
    """
    libraries = kernels.libraries() if any(file.kernels == "auto" for file in files) else {}
    planned = [_planned(number, file, libraries) for number, file in enumerate(files)]
    try:
        plan = Plan(tuple(planned), settings)
    except PlanError as error:
        raise SettingsError(str(error)) from error
    for file in files:
        _check_readable(file.path)
    try:
        _write(folder, files, plan, libraries)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}): free some space there") from error
    pushed = (str(path) for each in planned for path in (each.path, each.input))
    return Packed(folder, (RUNNER_NAME, PLAN_NAME, *(path.name for path in libraries.values()), *pushed))


def write_runner(path: Path) -> None:
    """Writes the runner as one file for Python 3.9 or later."""
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as name:
        source = Path(name)
        shutil.copytree(
            Path(runner.__file__).parent, source / _PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
        )
        (source / _PACKAGE.parent / "__init__.py").touch()
        zipapp.create_archive(source, path, main="micronet_edge_bench.runner.__main__:main")


def _planned(number: int, file: FileToMeasure, libraries: Mapping[str, Path]) -> PlannedFile:
    safe = f"{number}-{_UNSAFE.sub('_', file.path.name)}"
    usable = libraries if file.kernels == "auto" else {}
    names = {machine: Path(path.name) for machine, path in usable.items()}
    return PlannedFile(file.name, Path(safe), Path(f"{safe}.npy"), names, file.runtime)


def _write(folder: Path, files: Sequence[FileToMeasure], plan: Plan, libraries: Mapping[str, Path]) -> None:
    write_runner(folder / RUNNER_NAME)
    for path in libraries.values():
        shutil.copyfile(path, folder / path.name)
    for file, planned in zip(files, plan.files, strict=True):
        if planned.kernels:
            (folder / planned.path).write_bytes(target_of(file.path).for_kernels(file.path))
        else:
            shutil.copyfile(file.path, folder / planned.path)
        np.save(folder / planned.input, np.ascontiguousarray(file.array), allow_pickle=False)
    (folder / PLAN_NAME).write_text(json.dumps(plan_content(plan), indent=2) + "\n", encoding="utf-8")


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise TargetError(f"{path} cannot be read: {error.strerror}") from error
