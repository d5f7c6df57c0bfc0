"""Says what makes figures doubtful, and what to do about it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from micronet_edge.util.text import listed, plural
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


@dataclass(frozen=True, slots=True)
class _Warning:
    """What is amiss, about which files or figures, and the next thing to do."""

    what: str
    about: tuple[str, ...]
    advice: str


def warnings(results: Results, comparisons: Iterable[Comparison]) -> tuple[str, ...]:
    """One line for each thing that is amiss on a device, with the next thing to do; none for quiet runs."""
    compared = list(comparisons)
    found: dict[tuple[str, str, str], list[str]] = {}
    for run in results.runs:
        for warning in _of_run(run, [each for each in compared if each.run == run.label]):
            # A suite has many runs on one device: what is amiss with several of them is said once.
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
    assert found is not None  # it has files
    if found.load_before is not None and found.load_before > found.cores:
        busy = f"load average {found.load_before:.1f} on {plural(found.cores, 'core')}"
        yield _Warning("the machine was busy before it began", (busy,), "stop other load")
    if found.governor not in {None, "performance"}:
        yield _Warning(
            f"the cores' clock follows the governor {found.governor}",
            (),
            "sudo cpupower frequency-set --governor performance",
        )


def _of_samples(run: Run) -> Iterator[_Warning]:
    latencies = [(file, latency(file.samples_ns)) for file in run.files]
    processes = max(_MORE_PROCESSES, 2 * run.method.processes)
    for what, about, advice in (
        (
            "warm-up never became steady",
            [_restless(file) for file in run.files if not all(each.steady for each in file.processes)],
            f"give --warmup {2 * run.method.warmup_most}",
        ),
        (
            "processes disagree",
            [_named(f, each.disagreement) for f, each in latencies if each.disagreement > DISAGREEMENT],
            f"give --processes {processes}, or pin them with taskset",
        ),
        (
            "one in a hundred takes far longer",
            [_tail(file, each) for file, each in latencies if each.p99_ns > TAIL * each.median_ns],
            "stop other load, or pin with taskset",
        ),
        (
            "the same image is not answered alike by each process",
            [each.name for each in run.files if each.output_sha256 is None and not each.samples_are],
            "look into the file",
        ),
    ):
        if about:
            yield _Warning(what, tuple(about), advice)


def _of_ratios(run: Run, comparisons: Sequence[Comparison]) -> Iterator[_Warning]:
    if comparisons and run.method.processes < FEWEST_PROCESSES:
        yield _Warning(
            f"from {run.method.processes} of --processes the intervals of ratios come out too narrow",
            (),
            f"give {FEWEST_PROCESSES} or more",
        )
    wide = [each.name for each in comparisons if each.ratio.high - each.ratio.low > WIDE * each.ratio.value]
    if wide:
        more = max(_MORE_PROCESSES, 2 * run.method.processes)
        yield _Warning("ratios are not sharp", tuple(wide), f"give --processes {more} or more --runs")


def _restless(file: FileResult) -> str:
    count = sum(not process.steady for process in file.processes)
    return f"{file.name} in {count} of {len(file.processes)} processes"


def _named(file: FileResult, share: float) -> str:
    return f"{file.name} by {share:.0%}"


def _tail(file: FileResult, found: Latency) -> str:
    return f"{file.name} {found.p99_ns / found.median_ns:.1f} times its median"
