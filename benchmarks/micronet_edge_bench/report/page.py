"""A self-contained page of all results, for narrow and wide screens and print."""

from collections.abc import Sequence
from pathlib import Path

from micronet_edge.reports.document import document, section
from micronet_edge.util.output_files import write_text
from micronet_edge.util.safe_text import escape
from micronet_edge.util.text import plural
from micronet_edge_bench.comparing import Comparison, ComparisonError, compare
from micronet_edge_bench.measurement_warnings import warnings
from micronet_edge_bench.profiles import LayerProfile, layer_profile
from micronet_edge_bench.report.device_names import named_by_cpu
from micronet_edge_bench.report.facts import environments, unmeasured, warnings_box
from micronet_edge_bench.report.latency_plot import latency_plot
from micronet_edge_bench.report.profile_plot import (
    MOST_SHOWN,
    kinds_table,
    most_expensive_table,
    profile_plot,
)
from micronet_edge_bench.report.roofline_plot import peak_words, roofline_plot
from micronet_edge_bench.report.style import STYLE
from micronet_edge_bench.report.summary_table import Ratios, files_table, summary_table, times_table
from micronet_edge_bench.report.text import by_device, milliseconds, shown
from micronet_edge_bench.report.verdict import verdict
from micronet_edge_bench.results import Results
from micronet_edge_bench.statistics import latency

_OPEN_TABLES = 3
"""Number of files whose most expensive operators show at once; with more, the tables are folded."""


def write_report(results: Results, path: Path, *, overwrite: bool = False) -> None:
    """Writes the page.

    Raises OutputError if that fails, and on an existing file without `overwrite`.
    """
    write_text(page(results), path, overwrite=overwrite)


def page(results: Results) -> str:
    """The results as an HTML page. It leaves out refused ratios and says why."""
    comparisons, refusal = _compared(results)
    results, comparisons = named_by_cpu(results, comparisons)
    ratios = {(each.run, each.name): each for each in comparisons}
    sections = [
        section("At a glance", _compared_with(comparisons), summary_table(results, ratios)),
        section("Latency", _BARS, _latency(results)),
        section("Against multiply-adds", _ROOF, _roofline(results)),
        section("Time by operator", _PARTS, _profiles(results)),
        section("Every figure", _FIGURES, times_table(results) + files_table(results)),
        section("Environment", "", environments(results)),
        section("Not measured", "", unmeasured(results, refusal)),
    ]
    header = f"{_origin(results)}\n{_lead(results, ratios)}\n{warnings_box(_warnings(results, comparisons))}"
    return document(_title(results), STYLE, header, "".join(sections))


def _warnings(results: Results, comparisons: Sequence[Comparison]) -> list[str]:
    """The warnings, without the device's name if there is but one."""
    (first, *others) = list(dict.fromkeys(run.device for run in results.runs)) or [""]
    found = warnings(results, comparisons)
    return list(found) if others else [line.removeprefix(f"{first}: ") for line in found]


def _compared(results: Results) -> tuple[tuple[Comparison, ...], str | None]:
    """The ratios of the shown files, or why there are none."""
    there = {(run.label, file.name) for run in results.runs for file in shown(run)}
    try:
        return tuple(each for each in compare(results) if (each.run, each.name) in there), None
    except ComparisonError as error:
        return (), str(error)


_BARS = (
    "A bar ends at the median of all inferences, the thin line spans the quartiles, and each dot is the "
    "median of one fresh process. Dots far apart mean that times depend on the process more than on the file."
)
_ROOF = (
    "More arithmetic is to the right, less time is down. Files on one diagonal line compute the same number "
    "of multiply-adds per second (G/s: billions)."
)
_PARTS = (
    "The figures in a bar are per cent of the time of all operators; the figure beside it is their sum. The "
    "profiler's overhead may make it longer than the latency above."
)
_FIGURES = (
    "Spread is the interquartile range divided by the median. Apart is how much longer the slowest process "
    "took than the fastest. Load and first run are medians over processes. Memory is the peak of a process, "
    "including the runtime."
)


def _title(results: Results) -> str:
    files = [file for run in results.runs for file in shown(run)]
    if len(files) == 1:
        return f"How long does {files[0].name} take?"
    return "How long does an inference take?"


def _origin(results: Results) -> str:
    devices = list(dict.fromkeys(run.device for run in results.runs))
    count = sum(len(shown(run)) for run in results.runs)
    where = ", ".join(f"<strong>{escape(device)}</strong>" for device in devices)
    when = results.created.replace("T", " ")
    return (
        f'<p class="from">{plural(count, "file")} on {where}; {escape(when)}, by {escape(results.tool)}.</p>'
    )


def _lead(results: Results, ratios: Ratios) -> str:
    """The main result in one or two sentences per device."""
    sentences = []
    for device, runs in by_device(results):
        files = [file for run in runs for file in shown(run)]
        if len(files) > 1:
            took_ns, name = min((latency(file.samples_ns).median_ns, file.name) for file in files)
            fastest = f"Fastest on {escape(device)}: <strong>{escape(name)}</strong>"
            sentences.append(f"{fastest}, {milliseconds(took_ns)} ms per inference.")
    return f'<p class="lead">{" ".join([*sentences, *verdict(list(ratios.values()))])}</p>'


def _compared_with(comparisons: Sequence[Comparison]) -> str:
    if not comparisons:
        return ""
    baselines = list(dict.fromkeys(each.baseline for each in comparisons))
    in_turn = all(each.in_turn for each in comparisons)
    if len(baselines) == 1:
        what = f"<strong>{escape(baselines[0])}</strong>"
    else:
        what = "the baseline of its group" if in_turn else "the same file in the other results"
    how = "measured alternately" if in_turn else "measured in separate runs, which makes the interval wider"
    return (
        f"Speed is the speed-up over {what}, {how}, with the 95 % interval. The small figures beside a "
        "median are the quartiles."
    )


def _latency(results: Results) -> str:
    return "".join(_for_device(results, device, latency_plot(runs)) for device, runs in by_device(results))


def _roofline(results: Results) -> str:
    parts = []
    for device, runs in by_device(results):
        plot = roofline_plot(runs)
        if plot:
            peaks = "; ".join(peak_words(runs))
            below = f"<figcaption>Measured peak: {escape(peaks)}.</figcaption>" if peaks else ""
            parts.append(_for_device(results, device, plot + below))
    return "".join(parts)


def _for_device(results: Results, device: str, plot: str) -> str:
    heading = f"<h3>{escape(device)}</h3>" if len(by_device(results)) > 1 else ""
    return f"{heading}<figure>{plot}</figure>" if plot else ""


def _profiles(results: Results) -> str:
    return "".join(_profiles_of(results, device) for device, _runs in by_device(results))


def _profiles_of(results: Results, device: str) -> str:
    found: list[tuple[str, LayerProfile]] = []
    for name, runs in by_device(results):
        if name == device:
            found += [
                (
                    file.name,
                    layer_profile(file.profile, file.profile.whole_ns or latency(file.samples_ns).median_ns),
                )
                for run in runs
                for file in shown(run)
                if file.profile is not None
            ]
    if not found:
        return ""
    opened = " open" if len(found) <= _OPEN_TABLES else ""
    tables = "".join(
        f"<details{opened}><summary>{escape(name)}: kinds of layer, and the "
        f"{min(MOST_SHOWN, len(of.operators))} most expensive operators</summary>"
        f"<p>{escape(of.method)}</p>{kinds_table(of)}{most_expensive_table(of)}</details>"
        for name, of in found
    )
    return f"{_for_device(results, device, profile_plot(found))}{tables}"
