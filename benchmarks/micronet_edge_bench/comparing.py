"""Which measured file is compared with which, and when two figures must not be put in one ratio."""

from dataclasses import dataclass

from micronet_edge.errors import MicronetEdgeError
from micronet_edge_bench.results import Baseline, Environment, FileResult, Results, Run
from micronet_edge_bench.statistics import Ratio, ratio_apart, ratio_in_turn


class ComparisonError(MicronetEdgeError):
    """Two figures that no ratio can be made of."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many times as fast a file is as its baseline.

    `run` is the label of the file's run, `baseline` the name of what it is compared with, and its results
    file if it is of another. `in_turn` says whether both were measured in the same rounds.
    """

    run: str
    name: str
    baseline: str
    ratio: Ratio
    in_turn: bool


def compare(results: Results) -> tuple[Comparison, ...]:
    """Every file beside its baseline, but for the baseline itself.

    Raises ComparisonError where the baseline is missing, and where it was measured in an environment
    unlike the file's.
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
            f"{baseline.source or 'what was just measured'} has nothing to compare with: no file of the same "
            f"name on the same device ({wanted}); give a file of it by --against, or other results"
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
    """The files of a run beside those of another results file."""
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
            f"{file.name} on {run.label} and {theirs.name} on {other.label} were measured in unlike "
            f"environments, so they make no ratio: {difference}; measure both on one machine set up alike"
        )
    named = f"{theirs.name} in {other.source}"
    ratio = ratio_apart(theirs.samples_ns, file.samples_ns)
    return Comparison(run.label, file.name, named, ratio, in_turn=False)


def unlike(run: Run, file: FileResult, other: Run, theirs: FileResult) -> str | None:
    """The first fact that forbids a ratio of the two, in words; None where they may be compared."""
    ours, others = _facts(run.environment, file), _facts(other.environment, theirs)
    if file.format != theirs.format:
        ours = {name: fact for name, fact in ours.items() if not name.startswith("runtime")}
    for name, fact in ours.items():
        if fact != others[name]:
            return f"{name} {_said(fact)} and {_said(others[name])}"
    return None


def _facts(environment: Environment | None, file: FileResult) -> dict[str, object]:
    assert environment is not None  # only a run that failed has none, and that has no files
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
