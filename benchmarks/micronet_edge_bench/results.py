"""The results: every raw sample with environment and method, as stored in a results file.

Results ──> runs, one per device ──> files ──> processes ──> samples
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


PEAK = "peak"
"""The variant of a file that only measures the machine's peak: almost nothing but multiply-adds."""


class ResultsError(MicronetEdgeError):
    """A results file cannot be read or used."""


# Ten files in five processes of 100,000 rounds each, ten digits per sample.
RESULTS = Kind("results file", 64 * MIB, "measure again", ResultsError)


@dataclass(frozen=True, slots=True)
class Environment:
    """The facts of the machine that figures depend on; None or empty if unknown.

    `affinity` are the cores that the workers may use. `load_before` and `load_after` are the mean loads of
    the last minute. `frequencies_khz` are the cores' clocks at the end. `machine` is an opaque id of the
    machine.
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
    """How all files of a run were measured; either `rounds` or `seconds` is set, per process."""

    threads: int
    processes: int
    rounds: int | None
    seconds: float | None
    warmup_least: int
    warmup_most: int


@dataclass(frozen=True, slots=True)
class Process:
    """The times of one fresh process. `steady` says whether times became steady during warm-up."""

    load_ns: int
    first_run_ns: int
    warmup_ns: tuple[int, ...]
    steady: bool
    samples_ns: tuple[int, ...]
    peak_memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator as the runtime ran it; `delegate` is the delegate that ran it, if any.

    `index` is its index in the file; None for work that belongs to no single operator.
    """

    index: int | None
    operator: str
    output: str
    median_ns: float
    delegate: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """The time by operator; `method` describes how it was measured.

    `whole_ns` is the median of the whole inference in the same rounds.
    """

    method: str
    rounds: int
    operators: tuple[Operator, ...]
    whole_ns: float | None = None


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file on one device.

    `name` is unique in its run. `input` describes its input. `output_sha256` is of its output's raw bytes.
    `variant`, `precision`, `naive` and `portable` come from the file's metadata and are None without it.
    `madds` are the multiply-adds of its convolutions and linear layers. `top1` is a share from 0 to 1,
    `top1_source` its origin. `profile_error` says why a requested profile is missing. `samples_are` says what
    a sample is, if not one inference. `fused` is the number of activations in the fused kernels.
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
        """The times of the inferences of each process."""
        return tuple(process.samples_ns for process in self.processes)


@dataclass(frozen=True, slots=True)
class Run:
    """All files on one device, measured alternately: only within a run are ratios free of drift.

    `device` is the name that the user gave. A device that failed has an `error` of one line and no files.
    `source` is the results file of the run, empty for a new one. `title` distinguishes several runs on one
    device.
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
        """The device, with the title and the results file, if any."""
        named = f"{self.device}, {self.title}" if self.title else self.device
        return f"{named}, in {self.source}" if self.source else named

    def file(self, name: str) -> FileResult | None:
        """The file of that name."""
        return next((file for file in self.files if file.name == name), None)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The baseline of comparisons: a file of the same run, or the same file in other results.

    `name` is a file's name; None means the first file of the run or, with a `source`, the name of the
    compared file. `source` is the results file with the baseline's run on the same device; None means the
    compared file's own run.
    """

    name: str | None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """All results. `created` is in ISO 8601 with the time zone; `tool` is the tool and its version."""

    created: str
    tool: str
    baseline: Baseline | None
    runs: tuple[Run, ...]
    version: int = VERSION

    def rows(self) -> Iterator[tuple[Run, FileResult]]:
        """Every file of every run, in order."""
        return ((run, file) for run in self.runs for file in run.files)

    def to_text(self) -> str:
        """The content of a results file."""
        return json.dumps(asdict(self), separators=(",", ":")) + "\n"


def read_results(path: Path) -> Results:
    """Reads a results file.

    Raises ResultsError on a file that is missing, of another tool or version, or changed.
    """
    values = read_json(path, RESULTS)
    if not isinstance(values, dict) or "version" not in values or "runs" not in values:
        raise ResultsError(f"{path} holds no results of `micronet-edge bench`: give one that --output wrote")
    if values["version"] != VERSION:
        raise ResultsError(
            f"{path} is a results file of version {values['version']!r}, but this tool reads version "
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
            raise msgspec.ValidationError(f"{where} is {number}, which is not a valid figure")
    for place, run in enumerate(results.runs):
        if not run.method.rounds and not run.method.seconds:
            raise msgspec.ValidationError(f"runs[{place}] has neither rounds nor seconds")
        if run.environment is None and run.error is None:
            raise msgspec.ValidationError(f"runs[{place}] has no environment")
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
    """Writes a results file of the new runs, without those read from other files.

    Raises OutputError if that fails, and on an existing file without `overwrite`.
    """
    own = tuple(run for run in results.runs if not run.source)
    baseline = results.baseline
    if baseline is not None and baseline.source is not None:
        baseline = None
    write_text(replace(results, runs=own, baseline=baseline).to_text(), path, overwrite=overwrite)
