"""The environment, the warnings, and what was not measured."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from micronet_edge.util.safe_text import escape
from micronet_edge.util.text import listed, plural
from micronet_edge_bench.report.text import by_device, peaks, shown
from micronet_edge_bench.results import Environment, FileResult, Method, Results, Run

_GIBI = 1 << 30


def environments(results: Results) -> str:
    """A list of facts per machine and method; runs with the same facts share a list."""
    groups: dict[str, list[Run]] = {}
    for run in results.runs:
        if run.environment is not None and run.files:
            groups.setdefault(repr((_lasting(run.environment), run.method)), []).append(run)
    several = len(groups) > 1
    return "".join(_facts(runs, named=several) for runs in groups.values())


def warnings_box(warnings: Sequence[str]) -> str:
    """A highlighted box with the warnings."""
    if not warnings:
        return '<p class="fine">No warnings about this measurement.</p>'
    each = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return f'<div class="warnings"><h2>Warnings</h2><ul>{each}</ul></div>'


def unmeasured(results: Results, refusal: str | None) -> str:
    """What the page lacks, and why."""
    each = "".join(f"<li>{words}</li>" for words in _unmeasured(results, refusal))
    return f"<ul>{each}</ul>"


def _unmeasured(results: Results, refusal: str | None) -> Iterator[str]:
    for run in results.runs:
        if run.error is not None:
            yield f"<strong>{escape(run.label)}</strong>: {escape(run.error)}"
    if refusal is not None:
        yield f"Ratios: {escape(refusal)}"
    files = [file for run in results.runs for file in shown(run)]
    for what, missing in (
        ("Multiply-adds could not be counted", [each for each in files if each.madds is None]),
        ("Accuracy is unknown", [each for each in files if each.top1 is None]),
        (
            "Time by operator was not measured",
            [each for each in files if not (each.profile or each.profile_error)],
        ),
    ):
        if missing:
            yield f"{what} for {_which(missing, files)}."
    for file in files:
        if file.profile_error is not None:
            yield f"Time by operator of {escape(file.name)}: {escape(file.profile_error)}"
    for device, runs in by_device(results):
        if not any(peaks(runs)):
            yield f"The peak speed of {escape(device)}, the roof in the plot against multiply-adds."
    yield "Energy, heat, and the effect of other programs on the same cores."


def _which(missing: Sequence[FileResult], files: Sequence[FileResult]) -> str:
    if len(missing) == len(files):
        return "any file" if len(files) > 1 else "the file"
    return escape(listed(list(dict.fromkeys(file.name for file in missing))))


def _lasting(of: Environment) -> Environment:
    """The environment without load and clocks, which change during a run."""
    return replace(of, load_before=None, load_after=None, memory_available_bytes=None, frequencies_khz=())


def _facts(runs: Sequence[Run], *, named: bool) -> str:
    environment = runs[0].environment
    assert environment is not None  # the caller leaves out runs without one
    heading = f"<h3>{escape(listed([run.label for run in runs]))}</h3>" if named else ""
    pairs = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in (*_machine(environment, runs), *_method(runs[0].method))
    )
    return f'{heading}<dl class="facts">{pairs}</dl>'


def _machine(of: Environment, runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    cores = plural(of.cores, "core")
    if len(of.affinity) != of.cores and of.affinity:
        cores += f", run on {', '.join(map(str, of.affinity))}"
    yield "Processor", f"{of.cpu}, {of.architecture}"
    yield "Cores", cores
    yield "Governor", of.governor or "cannot be read"
    clocks = [clock for run in runs for clock in (run.environment.frequencies_khz if run.environment else ())]
    if clocks:
        yield "Clock at the end", _span([clock / 1e6 for clock in clocks], "GHz")
    loads = [load for run in runs for load in _loads(run)]
    if loads:
        yield "Load of the last minute", _span(loads, "")
    if of.memory_bytes is not None:
        yield "Memory", f"{of.memory_bytes / _GIBI:.1f} GiB"
    yield "System", of.system
    yield "Python", of.python or "none"
    yield "Packages", ", ".join(f"{name} {version}" for name, version in of.packages.items())


def _method(of: Method) -> Iterator[tuple[str, str]]:
    length = plural(of.rounds, "round") if of.rounds is not None else f"{of.seconds:g} s"
    yield "Threads", str(of.threads)
    yield (
        "Measured",
        f"{plural(of.processes, 'fresh process', 'fresh processes')}, {length} in each",
    )
    yield "Warm-up", f"at least {plural(of.warmup_least, 'round')}, until steady, at most {of.warmup_most}"


def _loads(run: Run) -> Iterable[float]:
    found = run.environment
    assert found is not None  # the caller leaves out runs without one
    return [load for load in (found.load_before, found.load_after) if load is not None]


def _span(values: Sequence[float], unit: str) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return f"{low if low == high else f'{low} to {high}'} {unit}".strip()
