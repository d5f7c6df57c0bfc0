"""The plan of a measurement, which the host writes and the runner reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

VERSION = 1
"""The version of plan and result; a runner refuses any other."""

LEAST_WARMUP, MOST_WARMUP = 10, 200
"""Default minimum and maximum of untimed rounds."""

PLAN_NAME, RESULT_NAME = "plan.json", "result.json"


class RunnerError(Exception):
    """Nothing could be measured; the text is the reason, in one line."""


class WorkerError(RunnerError):
    """A file cannot run, or its process died."""


class PlanError(RunnerError):
    """A plan cannot be read or is invalid."""


_KEPT = "every sample is kept"
_NO_MORE = "times are steady long before"
_MOST_SAMPLES = 10_000_000
_DAY_SECONDS = 86_400

_LIMITS = {
    "threads": (1, 128, "one inference is too short for more"),
    "processes": (1, 1000, "each loads the runtime and the file again"),
    "rounds": (1, 1_000_000, _KEPT),
    "seconds": (1e-3, _DAY_SECONDS, "a measurement should end within a day"),
    "least_warmup": (0, 100_000, _NO_MORE),
    "most_warmup": (0, 100_000, _NO_MORE),
    "profile_rounds": (1, 100_000, _NO_MORE),
}
"""The minimum and maximum of each setting, with the reason."""


@dataclass(frozen=True)
class Settings:
    """How long and how often to measure.

    Either `rounds` or `seconds` is set, per repetition, for all files together and without warm-up.
    """

    threads: int = 1
    processes: int = 5
    rounds: int | None = None
    seconds: float | None = None
    least_warmup: int = LEAST_WARMUP
    most_warmup: int = MOST_WARMUP
    profile: bool = False
    profile_rounds: int = 100

    def check(self) -> None:
        """Raises PlanError on contradictory settings and on values out of range."""
        _check((self.rounds is None) != (self.seconds is None), "give either rounds or seconds")
        for name, (least, most, why) in _LIMITS.items():
            value = getattr(self, name)
            fits = value is None or least <= value <= most
            _check(fits, f"{name.replace('_', ' ')} must be {least:,} to {most:,}, since {why}")
        _check(self.least_warmup <= self.most_warmup, "the minimum warm-up must not exceed the maximum")
        samples = self.processes * (self.rounds or 0)
        too_many = f"processes x rounds must be at most {_MOST_SAMPLES:,}, since {_KEPT}"
        _check(samples <= _MOST_SAMPLES, too_many)


@dataclass(frozen=True)
class PlannedFile:
    """A network's file, its name, and its input array.

    `kernels` are the libraries of fused kernels by machine; empty if they must not run. `runtime` is the name
    of the one to run it in, of several that can; None is the usual one.
    """

    name: str
    path: Path
    input: Path
    kernels: Mapping[str, Path] = field(default_factory=dict)
    runtime: str | None = None


@dataclass(frozen=True)
class Plan:
    """The files to measure against each other.

    Raises PlanError on invalid settings, without files, and if a name is not unique.
    """

    files: tuple[PlannedFile, ...]
    settings: Settings

    def __post_init__(self) -> None:
        self.settings.check()
        _check(bool(self.files), "there are no files to measure")
        names = [file.name for file in self.files]
        repeated = sorted({name for name in names if names.count(name) > 1})
        _check(not repeated, f"several files have the name {', '.join(repeated)}")


def read_plan(path: Path) -> Plan:
    """Reads a plan from a JSON file; its paths are relative to its folder.

    Raises PlanError if it is missing or invalid, or if one of its files is missing.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PlanError(f"{path} is not a valid plan: {_one_line(error)}") from error
    try:
        plan = _plan(_Entries(content), path.parent)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from None
    for file in plan.files:
        for needed in (file.path, file.input, *file.kernels.values()):
            _check(needed.is_file(), f"{needed} of {path} is missing: push it beside the plan")
    return plan


def plan_content(plan: Plan) -> dict[str, object]:
    """The content of a plan's JSON file."""
    how = plan.settings
    kernels = {machine: str(path) for file in plan.files for machine, path in file.kernels.items()}
    return {
        "version": VERSION,
        "threads": how.threads,
        "processes": how.processes,
        "rounds": how.rounds,
        "seconds": how.seconds,
        "warmup": {"least": how.least_warmup, "most": how.most_warmup},
        "profile": how.profile,
        "profile_rounds": how.profile_rounds,
        "files": [
            {
                "name": file.name,
                "path": str(file.path),
                "input": str(file.input),
                "fused": bool(file.kernels),
                "runtime": file.runtime,
            }
            for file in plan.files
        ],
        "kernels": kernels,
    }


def _plan(entries: _Entries, folder: Path) -> Plan:
    version = entries.whole("version")
    _check(
        version == VERSION, f"it has version {version}, this runner reads {VERSION}: push the runner again"
    )
    warmup = entries.entries("warmup")
    settings = Settings(
        entries.whole("threads"),
        entries.whole("processes"),
        entries.whole("rounds") if entries.has("rounds") else None,
        entries.number("seconds") if entries.has("seconds") else None,
        warmup.whole("least"),
        warmup.whole("most"),
        entries.flag("profile"),
        entries.whole("profile_rounds"),
    )
    libraries = entries.entries("kernels").texts() if entries.has("kernels") else {}
    kernels = {machine: folder / name for machine, name in libraries.items()}
    files = [
        PlannedFile(
            each.text("name"),
            folder / each.text("path"),
            folder / each.text("input"),
            kernels if each.has("fused") and each.flag("fused") else {},
            each.text("runtime") if each.has("runtime") else None,
        )
        for each in entries.list_of_entries("files")
    ]
    return Plan(tuple(files), settings)


class _Entries:
    """A JSON object with typed access to its entries."""

    def __init__(self, content: object, name: str = "the plan") -> None:
        if not isinstance(content, Mapping):
            raise PlanError(f"{name} is not a JSON object")
        self._content = content

    def has(self, name: str) -> bool:
        return self._content.get(name) is not None

    def whole(self, name: str) -> int:
        found = self._content.get(name)
        if isinstance(found, bool) or not isinstance(found, int):
            raise PlanError(f"{name} is not a whole number")
        return found

    def number(self, name: str) -> float:
        found = self._content.get(name)
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            raise PlanError(f"{name} is not a number")
        return float(found)

    def flag(self, name: str) -> bool:
        found = self._content.get(name)
        if not isinstance(found, bool):
            raise PlanError(f"{name} is neither true nor false")
        return found

    def text(self, name: str) -> str:
        found = self._content.get(name)
        if not isinstance(found, str) or not found:
            raise PlanError(f"{name} is not a text")
        return found

    def texts(self) -> dict[str, str]:
        return {name: self.text(name) for name in self._content}

    def entries(self, name: str) -> _Entries:
        return _Entries(self._content.get(name), name)

    def list_of_entries(self, name: str) -> list[_Entries]:
        found = self._content.get(name)
        if not isinstance(found, list):
            raise PlanError(f"{name} is not a list")
        return [_Entries(each, f"{name}[{number}]") for number, each in enumerate(found)]


def _check(holds: bool, error_text: str) -> None:  # noqa: FBT001 - reads as a condition
    if not holds:
        raise PlanError(error_text)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
