"""What was measured, where and how: every raw sample, as it is kept in a results file.

Results ──> runs, one for each device ──> files ──> processes ──> samples
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from micronet_edge.errors import MicronetEdgeError
from micronet_edge.util.output_files import write_text
from micronet_edge.util.user_files import MIB, Kind, read_json

VERSION = 1
_MOST = 2**63


class ResultsError(MicronetEdgeError):
    """A results file that cannot be read or used."""


# Every sample of ten files in five processes of 100,000 rounds each, ten digits a sample.
RESULTS = Kind("results file", 64 * MIB, "measure again", ResultsError)


@dataclass(frozen=True, slots=True)
class Environment:
    """The facts of the machine that a figure depends on; None and empty where it does not tell.

    `affinity` are the cores that the workers may run on. `load_before` and `load_after` are the mean
    loads of the last minute. `frequencies_khz` are the cores' clocks as they were when it ended.
    `machine` tells machines apart and says nothing else of them.
    """

    cpu: str
    architecture: str
    cores: int
    affinity: tuple[int, ...]
    governor: str | None
    load_before: float | None
    load_after: float | None
    memory_bytes: int | None
    memory_available_bytes: int | None
    system: str
    python: str | None
    packages: dict[str, str]
    frequencies_khz: tuple[int, ...] = ()
    machine: str | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """How all files of a run were measured: one of `rounds` and `seconds` is given, for each process."""

    threads: int
    processes: int
    rounds: int | None
    seconds: float | None
    warmup_least: int
    warmup_most: int


@dataclass(frozen=True, slots=True)
class Process:
    """What one fresh process took. `steady` tells whether warm-up came to rest before it was timed."""

    load_ns: int
    first_run_ns: int
    warmup_ns: tuple[int, ...]
    steady: bool
    samples_ns: tuple[int, ...]
    peak_memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator as the runtime ran it; `delegate` is what took it over, if anything did.

    `index` is its place in the file; None for work that belongs to no one operator.
    """

    index: int | None
    operator: str
    output: str
    median_ns: float
    delegate: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time goes; `method` says in a sentence how that was found out.

    `whole_ns` is the median of the whole inference in the same rounds.
    """

    method: str
    rounds: int
    operators: tuple[Operator, ...]
    whole_ns: float | None = None


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file on one device.

    `name` tells it from the other files of its run. `input` says in words what it was given.
    `output_sha256` is of the raw bytes that it answered. `variant`, `precision`, `naive` and `portable`
    come from the file's own metadata and are None where it carries none of ours. `madds` are the
    multiply-adds of its convolutions and linear layers; `top1` is a share from 0 to 1, which
    `top1_source` says the origin of. `profile_error` says why there is no profile although one was wanted.
    `samples_are` says what a sample is if it is not one inference. `fused` activations ran in our kernels.
    """

    name: str
    format: str
    sha256: str
    size_bytes: int
    input: str
    input_dtype: str
    input_shape: tuple[int, ...]
    runtime: str
    runtime_version: str
    delegate: str | None
    nodes: int | None
    delegated_nodes: int | None
    partitions: int | None
    threads: int
    output_sha256: str | None
    processes: tuple[Process, ...]
    variant: str | None = None
    precision: str | None = None
    naive: bool | None = None
    portable: bool | None = None
    madds: int | None = None
    top1: float | None = None
    top1_source: str | None = None
    profile: Profile | None = None
    profile_error: str | None = None
    samples_are: str | None = None
    fused: int | None = None

    @property
    def samples_ns(self) -> tuple[tuple[int, ...], ...]:
        """The timed inferences of each process."""
        return tuple(process.samples_ns for process in self.processes)


@dataclass(frozen=True, slots=True)
class Run:
    """All files on one device, measured in turn: only within one run are ratios free of drift.

    `device` is what a person called it. A device that failed has an `error` of one line and no files.
    `source` names the results file that the run was read from; empty for one just measured. `title` tells
    apart what was measured on one device in several runs.
    """

    device: str
    method: Method
    environment: Environment | None
    files: tuple[FileResult, ...]
    error: str | None = None
    source: str = ""
    title: str = ""

    @property
    def label(self) -> str:
        """The device, what was measured if that is not all, and the results file if it comes from one."""
        named = f"{self.device}, {self.title}" if self.title else self.device
        return f"{named}, in {self.source}" if self.source else named

    def file(self, name: str) -> FileResult | None:
        """The file of that name."""
        return next((file for file in self.files if file.name == name), None)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the others are compared with: a file of their own run, or their own like in other results.

    `name` is a file's name. None stands for the first file of the run, or with a `source` for the name of
    whichever file is compared. `source` is the results file that the baseline's run was read from, on the
    same device; None stands for the compared file's own run.
    """

    name: str | None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """Everything measured. `created` is in ISO 8601 with the time zone; `tool` made it."""

    created: str
    tool: str
    baseline: Baseline | None
    runs: tuple[Run, ...]
    version: int = VERSION

    def rows(self) -> Iterator[tuple[Run, FileResult]]:
        """Every file of every run, in order."""
        return ((run, file) for run in self.runs for file in run.files)

    def to_text(self) -> str:
        """As a results file holds it."""
        return json.dumps(asdict(self), separators=(",", ":")) + "\n"


def read_results(path: Path) -> Results:
    """Reads a results file.

    Raises ResultsError on a file that is missing, none of ours, of another version or changed since.
    """
    values = read_json(path, RESULTS)
    if not isinstance(values, dict) or "version" not in values or "runs" not in values:
        raise ResultsError(f"{path} holds no results of `micronet-edge bench`: give one that --output wrote")
    if values["version"] != VERSION:
        raise ResultsError(
            f"{path} is a results file of version {values['version']!r}, and this tool reads version "
            f"{VERSION}: measure again, or read it with the version of the tool that wrote it"
        )
    try:
        results = msgspec.convert(values, Results)
        _check(results)
    except msgspec.ValidationError as error:
        raise ResultsError(f"{path}: {error}: measure again") from error
    return results


def _check(results: Results) -> None:
    """Raises msgspec.ValidationError on what no measurement gives."""
    for where, number in _numbers(asdict(results), ""):
        if not 0 <= number < _MOST:
            raise msgspec.ValidationError(f"{where} is {number}, which is no such figure")
    for place, run in enumerate(results.runs):
        names = [file.name for file in run.files]
        if len(set(names)) < len(names):
            raise msgspec.ValidationError(f"runs[{place}] holds several files of one name")
        turns = {tuple(map(len, file.samples_ns)) for file in run.files}
        if len(turns) > 1:
            raise msgspec.ValidationError(f"runs[{place}] holds files that did not take the same turns")
        if any(not each or not all(each) for each in turns):
            raise msgspec.ValidationError(f"runs[{place}] holds a file without samples")
        if not all(sample for file in run.files for samples in file.samples_ns for sample in samples):
            raise msgspec.ValidationError(f"runs[{place}] holds a sample of 0 ns")


def _numbers(value: object, where: str) -> Iterator[tuple[str, float]]:
    """Every number with its place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _numbers(inner, f"{where}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from _numbers(inner, f"{where}[{place}]")
    elif isinstance(value, int | float):
        yield where, value


def write_results(results: Results, path: Path, *, overwrite: bool = False) -> None:
    """Writes a results file of what was just measured: runs that were read from others stay out.

    Raises OutputError where that is not possible, and on an existing file without `overwrite`.
    """
    own = tuple(run for run in results.runs if not run.source)
    baseline = results.baseline
    if baseline is not None and baseline.source is not None:
        baseline = None
    write_text(replace(results, runs=own, baseline=baseline).to_text(), path, overwrite=overwrite)
