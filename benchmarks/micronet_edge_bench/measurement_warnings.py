"""Warns about unreliable figures, each with a next step."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from micronet_edge.util.text import listed, plural
from micronet_edge_bench.comparing import Comparison
from micronet_edge_bench.results import FileResult, Results, Run
from micronet_edge_bench.statistics import Latency, latency

DISAGREEMENT = 0.05
"""Difference between the medians of the fastest and the slowest process that memory layout may cause."""

TAIL = 2.0
"""Limit of the 99th percentile, in medians."""

FEWEST_PROCESSES = 5
"""With fewer processes, even the full range covers the true value in less than 95 % of cases."""

WIDE = 0.1
"""Limit of an interval's width, as a share of its ratio."""

_MORE_PROCESSES = 10


@dataclass(frozen=True, slots=True)
class _Warning:
    """A problem, the files or figures it concerns, and the next step."""

    what: str
    about: tuple[str, ...]
    advice: str


def warnings(results: Results, comparisons: Iterable[Comparison]) -> tuple[str, ...]:
    """One line per problem on a device, with the next step; none for quiet runs."""
    compared = list(comparisons)
    found: dict[tuple[str, str, str], list[str]] = {}
    for run in results.runs:
        for warning in _of_run(run, [each for each in compared if each.run == run.label]):
            # A suite has many runs on one device: a problem of several runs appears once.
            device = replace(run, title="").label
            found.setdefault((device, warning.what, warning.advice), []).extend(warning.about)
    return tuple(
        f"{device}: {what}{f' ({listed(about)})' if about else ''}: {advice}"
        for (device, what, advice), about in found.items()
    )


def _of_run(run: Run, comparisons: Sequence[Comparison]) -> Iterator[_Warning]:
    if run.files:
        yield from _of_machine(run)
        yield from _of_samples(run)
        yield from _of_ratios(run, comparisons)


def _of_machine(run: Run) -> Iterator[_Warning]:
    found = run.environment
    assert found is not None  # a run with files has an environment
    if found.load_before is not None and found.load_before > found.cores:
        busy = f"load average {found.load_before:.1f} on {plural(found.cores, 'core')}"
        yield _Warning("the machine was busy before the measurement", (busy,), "stop other load")
    if found.governor not in {None, "performance"}:
        yield _Warning(
            f"the CPU frequency governor is {found.governor}",
            (),
            "sudo cpupower frequency-set --governor performance",
        )


def _of_samples(run: Run) -> Iterator[_Warning]:
    latencies = [(file, latency(file.samples_ns)) for file in run.files]
    processes = max(_MORE_PROCESSES, 2 * run.method.processes)
    for what, about, advice in (
        (
            "times never became steady",
            [_restless(file) for file in run.files if not all(each.steady for each in file.processes)],
            f"give --warmup {2 * run.method.warmup_most}",
        ),
        (
            "processes disagree",
            [_named(f, each.disagreement) for f, each in latencies if each.disagreement > DISAGREEMENT],
            f"give --processes {processes}, or pin them with taskset",
        ),
        (
            "the slowest 1 % of inferences take far longer",
            [_tail(file, each) for file, each in latencies if each.p99_ns > TAIL * each.median_ns],
            "stop other load, or pin with taskset",
        ),
        (
            "processes give different outputs for the same input",
            [each.name for each in run.files if each.output_sha256 is None and not each.samples_are],
            "check the file",
        ),
    ):
        if about:
            yield _Warning(what, tuple(about), advice)


def _of_ratios(run: Run, comparisons: Sequence[Comparison]) -> Iterator[_Warning]:
    if comparisons and run.method.processes < FEWEST_PROCESSES:
        yield _Warning(
            f"with {run.method.processes} of --processes the intervals of ratios are too narrow",
            (),
            f"give {FEWEST_PROCESSES} or more",
        )
    wide = [each.name for each in comparisons if each.ratio.high - each.ratio.low > WIDE * each.ratio.value]
    if wide:
        more = max(_MORE_PROCESSES, 2 * run.method.processes)
        yield _Warning("intervals of ratios are wide", tuple(wide), f"give --processes {more} or more --runs")


def _restless(file: FileResult) -> str:
    count = sum(not process.steady for process in file.processes)
    return f"{file.name} in {count} of {len(file.processes)} processes"


def _named(file: FileResult, share: float) -> str:
    return f"{file.name} by {share:.0%}"


def _tail(file: FileResult, found: Latency) -> str:
    return f"{file.name} {found.p99_ns / found.median_ns:.1f} times its median"
