"""Says what makes figures doubtful, and what to do about it."""

from collections.abc import Iterable, Iterator

from micronet_edge.wording import listed
from micronet_edge_bench.comparing import Comparison
from micronet_edge_bench.results import FileResult, Results, Run
from micronet_edge_bench.statistics import Latency, latency

DISAGREEMENT = 0.05
"""Between the medians of the fastest and the slowest process; a memory layout alone may do that."""

TAIL = 2.0
"""The 99th percentile, in medians."""

FEWEST_PROCESSES = 5
"""With fewer, not even the range of all processes holds the truth in 95 of 100 cases."""

WIDE = 0.1
"""An interval from end to end, as a share of its ratio."""

_MORE_PROCESSES = 10


def doubts(results: Results, comparisons: Iterable[Comparison]) -> tuple[str, ...]:
    """One line for each thing that is amiss with a run, with the next thing to do; none for quiet runs."""
    compared = list(comparisons)
    return tuple(
        f"{run.label}: {doubt}"
        for run in results.runs
        if run.files
        for doubt in (
            *_of_machine(run),
            *_of_samples(run),
            *_of_ratios(run, [each for each in compared if each.run == run.label]),
        )
    )


def _of_machine(run: Run) -> Iterator[str]:
    found = run.environment
    assert found is not None  # it has files
    if found.load_before is not None and found.load_before > found.cores:
        yield (
            f"the load average was {found.load_before:.1f} on {found.cores} cores before it began: "
            "stop other load"
        )
    if found.governor not in {None, "performance"}:
        yield (
            f"the cores' clock follows the governor {found.governor}: "
            "sudo cpupower frequency-set --governor performance"
        )


def _of_samples(run: Run) -> Iterator[str]:
    latencies = [(file, latency(file.samples_ns)) for file in run.files]
    if restless := [_restless(file) for file in run.files if not all(each.steady for each in file.processes)]:
        yield f"warm-up never became steady ({listed(restless)}): give --warmup {2 * run.method.warmup_most}"
    if apart := [_named(f, each.disagreement) for f, each in latencies if each.disagreement > DISAGREEMENT]:
        more = max(_MORE_PROCESSES, 2 * run.method.processes)
        yield f"processes disagree ({listed(apart)}): give --processes {more}, or pin them with taskset"
    if tails := [_tail(file, each) for file, each in latencies if each.p99_ns > TAIL * each.median_ns]:
        yield f"one in a hundred takes far longer ({listed(tails)}): stop other load, or pin with taskset"
    if moody := [each.name for each in run.files if each.output_sha256 is None and not each.samples_are]:
        yield f"the same image is not answered alike by each process ({listed(moody)}): look into the file"


def _of_ratios(run: Run, comparisons: list[Comparison]) -> Iterator[str]:
    if comparisons and run.method.processes < FEWEST_PROCESSES:
        yield (
            f"from {run.method.processes} of --processes the intervals of ratios come out too narrow: "
            f"give {FEWEST_PROCESSES} or more"
        )
    wide = [each.name for each in comparisons if each.ratio.high - each.ratio.low > WIDE * each.ratio.value]
    if wide:
        more = max(_MORE_PROCESSES, 2 * run.method.processes)
        yield f"ratios are not sharp ({listed(wide)}): give --processes {more} or more --runs"


def _restless(file: FileResult) -> str:
    count = sum(not process.steady for process in file.processes)
    return f"{file.name} in {count} of {len(file.processes)} processes"


def _named(file: FileResult, share: float) -> str:
    return f"{file.name} by {share:.0%}"


def _tail(file: FileResult, found: Latency) -> str:
    return f"{file.name} {found.p99_ns / found.median_ns:.1f} times its median"
