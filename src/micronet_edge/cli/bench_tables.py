"""What `micronet-edge bench` prints: a table and the environment for each device, then the warnings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from micronet_edge.util.terminal import open_console
from micronet_edge.util.text import plural

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from micronet_edge_bench.comparing import Comparison
    from micronet_edge_bench.profiles import LayerProfile
    from micronet_edge_bench.results import FileResult, Results, Run

_OPERATORS_SHOWN = 10
_MEGA = 1_000_000
_DIGITS = 3


def print_all(
    results: "Results", comparisons: Sequence["Comparison"], warnings: Sequence[str], *, profile: bool
) -> None:
    """Prints everything on standard output."""
    console = open_console()
    for run in results.runs:
        if run.files:
            own = {each.name: each for each in comparisons if each.run == run.label}
            _print_run(console, run, own)
            for file in run.files if profile else ():
                _print_profile(console, file)
    console.print("spread: interquartile range divided by the median")
    for warning in warnings:
        console.print(f"! {warning}", soft_wrap=False)


def _print_run(console: "Console", run: "Run", comparisons: dict[str, "Comparison"]) -> None:
    console.print(run.label)
    console.print(_table(run, comparisons))
    for line in _environment(run):
        console.print(line)
    for line in _kernels(run):
        console.print(line)
    for note in dict.fromkeys(file.samples_are for file in run.files if file.samples_are):
        console.print(f"samples: {note}")
    baselines = dict.fromkeys(each.baseline for each in comparisons.values())
    apart = (
        ""
        if all(each.in_turn for each in comparisons.values())
        else "; measured in separate runs, not alternately"
    )
    for baseline in baselines if len(baselines) == 1 else ():
        console.print(f"speed: speed-up over {baseline}, with the 95 % interval{apart}")
    if len(baselines) > 1:
        console.print(f"speed: speed-up over the same file, with the 95 % interval{apart}")
    console.print()


def _table(run: "Run", comparisons: dict[str, "Comparison"]) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from micronet_edge_bench.statistics import latency

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("\nfile", overflow="fold")
    for heading in ("size\nMB", "median\nms", "p90\nms", "\nspread", *(["\nspeed"] if comparisons else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    for file in run.files:
        found = latency(file.samples_ns)
        figures = [_digits(each / _MEGA) for each in (file.size_bytes, found.median_ns, found.p90_ns)]
        cells = [file.name, *figures, f"{found.spread:.1%}"]
        if file.samples_are:  # p90 and spread of samples that are medians themselves would mislead
            cells[-2:] = ["-", "-"]
        table.add_row(*cells, *([_speed(comparisons.get(file.name))] if comparisons else []))
    return table


def _environment(run: "Run") -> tuple[str, str]:
    found, method = run.environment, run.method
    assert found is not None  # a run with files has an environment
    loads = " to ".join(f"{load:.1f}" for load in (found.load_before, found.load_after) if load is not None)
    machine = [found.cpu, _cores(found.cores, len(found.affinity))]
    machine += [f"governor {found.governor}"] if found.governor else []
    machine += [f"load {loads}"] if loads else []
    machine += [f"{found.memory_bytes / 2**30:.1f} GiB"] if found.memory_bytes else []
    runtimes = dict.fromkeys(f"{file.runtime} {file.runtime_version}" for file in run.files)
    software = [f"{found.system} {found.architecture}", *runtimes]
    software += [f"Python {found.python}"] if found.python else []
    length = plural(method.rounds, "round") if method.rounds else f"{method.seconds:g} s"
    how = (
        f"{plural(method.threads, 'thread')}, {plural(method.processes, 'process', 'processes')} of {length}"
    )
    return ", ".join(machine), f"{', '.join(software)}; {how}"


def _kernels(run: "Run") -> list[str]:
    """Which files ran in the fused kernels, if any file could, and which never can."""
    from micronet_edge_bench.runner.runtimes import litert_compiled

    fused = [f"{plural(file.fused, 'activation')} of {file.name}" for file in run.files if file.fused]
    lines = ["kernels: the runtimes' own"] if any(file.fused is not None for file in run.files) else []
    if fused:
        lines = [f"kernels: fused for {', '.join(fused)}"]
    if any(file.runtime == litert_compiled.NAME for file in run.files):
        lines.append(f"kernels: {litert_compiled.NAME} takes no delegate, so it runs LiteRT's own")
    return lines


def _cores(cores: int, allowed: int) -> str:
    return plural(cores, "core") if allowed == cores else f"{allowed} of {cores} cores"


def _print_profile(console: "Console", file: "FileResult") -> None:
    from micronet_edge_bench.profiles import layer_profile
    from micronet_edge_bench.statistics import latency

    if file.profile is None:
        console.print(f"{file.name}: no profile, {file.profile_error or 'measured without --profile'}")
        return
    whole_ns = file.profile.whole_ns or latency(file.samples_ns).median_ns
    found = layer_profile(file.profile, whole_ns)
    console.print(f"{file.name}: {_time(whole_ns)} in total, {_time(found.operators_ns)} in its operators")
    console.print(_kinds(found))
    console.print(_operators(found))
    console.print(found.method)
    console.print()


def _kinds(found: "LayerProfile") -> "Table":
    table = _profile_table("kind of layer" if found.named else "kind of operator", "operators")
    for kind in found.kinds:
        table.add_row(kind.name, str(kind.operators), _time(kind.median_ns), f"{kind.share:.1%}")
    return table


def _operators(found: "LayerProfile") -> "Table":
    table = _profile_table("most expensive operators", "operator")
    dearest = sorted(found.operators, key=lambda each: -each.median_ns)[:_OPERATORS_SHOWN]
    for each in dearest:
        share = each.median_ns / (found.operators_ns or 1.0)
        table.add_row(each.layer or each.output, each.operator, _time(each.median_ns), f"{share:.1%}")
    return table


def _profile_table(first: str, second: str) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    for heading in (second, "median", "share"):
        table.add_column(heading, justify="right", no_wrap=heading != second)
    return table


def _speed(comparison: "Comparison | None") -> str:
    if comparison is None:
        return "baseline"
    ratio = comparison.ratio
    return f"{ratio.value:.2f} ({ratio.low:.2f}-{ratio.high:.2f})"


def _time(nanoseconds: float) -> str:
    return f"{_digits(nanoseconds / _MEGA)} ms"


def _digits(figure: float) -> str:
    """The figure with three significant digits."""
    whole = len(str(int(figure))) if figure >= 1 else 0
    return f"{figure:.{max(0, _DIGITS - whole)}f}"
