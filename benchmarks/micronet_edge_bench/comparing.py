"""Compares measured files with their baseline, and refuses ratios across different environments."""

from dataclasses import dataclass

from micronet_edge.errors import MicronetEdgeError
from micronet_edge_bench.results import Baseline, Environment, FileResult, Results, Run
from micronet_edge_bench.statistics import Ratio, ratio_apart, ratio_in_turn


class ComparisonError(MicronetEdgeError):
    """Two figures cannot form a ratio."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The speed-up of a file over its baseline.

    `run` is the label of the file's run; `baseline` is the name of the baseline, with its results file if it
    is from another one. `in_turn` says whether both were measured in the same rounds.
    """

    run: str
    name: str
    baseline: str
    ratio: Ratio
    in_turn: bool


def compare(results: Results) -> tuple[Comparison, ...]:
    """Compares every file with its baseline, except the baseline itself.

    Raises ComparisonError if the baseline is missing or was measured in another environment than the file.
    """
    baseline = results.baseline
    if baseline is None:
        return ()
    if baseline.source is None:
        return _within_runs(results.runs, baseline.name)
    apart = [each for run in results.runs for each in _apart(run, baseline, results)]
    if not apart:
        wanted = ", ".join(dict.fromkeys(file.name for _run, file in results.rows()))
        raise ComparisonError(
            f"{baseline.source or 'this run'} has no baseline: no file of the same name on the same device "
            f"({wanted}); give --against a file of it, or other results"
        )
    return tuple(apart)


def _within_runs(runs: tuple[Run, ...], name: str | None) -> tuple[Comparison, ...]:
    known = dict.fromkeys(file.name for run in runs for file in run.files)
    if known and name is not None and name not in known:
        raise ComparisonError(f"there is no {name} to compare with: choose from {', '.join(known)}")
    return tuple(each for run in runs for each in _within(run, name))


def _within(run: Run, name: str | None) -> list[Comparison]:
    baseline = next((file for file in run.files if name in {None, file.name}), None)
    if baseline is None:
        return []
    return [
        Comparison(run.label, file.name, baseline.name, _in_turn(baseline, file), in_turn=True)
        for file in run.files
        if file is not baseline
    ]


def _in_turn(baseline: FileResult, file: FileResult) -> Ratio:
    return ratio_in_turn(baseline.samples_ns, file.samples_ns)


def _apart(run: Run, baseline: Baseline, results: Results) -> list[Comparison]:
    """Compares the files of a run with those of another results file."""
    assert baseline.source is not None
    found = []
    for other in results.runs:
        if other.source != baseline.source or other is run or run.source == baseline.source:
            continue
        if (other.device, other.title) != (run.device, run.title):
            continue
        for file in run.files:
            theirs = other.file(baseline.name or file.name)
            if theirs is not None:
                found.append(_across(run, file, other, theirs))
    return found


def _across(run: Run, file: FileResult, other: Run, theirs: FileResult) -> Comparison:
    if (difference := unlike(run, file, other, theirs)) is not None:
        raise ComparisonError(
            f"{file.name} on {run.label} and {theirs.name} on {other.label} were measured in different "
            f"environments and cannot be compared: {difference}; measure both on the same machine and setup"
        )
    named = f"{theirs.name} in {other.source}"
    ratio = ratio_apart(theirs.samples_ns, file.samples_ns)
    return Comparison(run.label, file.name, named, ratio, in_turn=False)


def unlike(run: Run, file: FileResult, other: Run, theirs: FileResult) -> str | None:
    """Describes the first difference that forbids a ratio; None if they are comparable."""
    ours, others = _facts(run.environment, file), _facts(other.environment, theirs)
    if file.format != theirs.format:
        ours = {name: fact for name, fact in ours.items() if not name.startswith("runtime")}
    for name, fact in ours.items():
        if fact != others[name]:
            return f"{name} {_said(fact)} and {_said(others[name])}"
    return None


def _facts(environment: Environment | None, file: FileResult) -> dict[str, object]:
    assert environment is not None  # only a failed run has none, and it has no files
    return {
        "CPU": environment.cpu,
        "architecture": environment.architecture,
        "system": environment.system,
        "cores": environment.cores,
        "cores to run on": len(environment.affinity),
        "governor": environment.governor,
        "threads": file.threads,
        "runtime": file.runtime,
        "runtime version": file.runtime_version,
    }


def _said(fact: object) -> str:
    return "unknown" if fact is None else str(fact)
