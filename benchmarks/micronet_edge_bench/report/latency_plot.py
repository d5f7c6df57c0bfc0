"""Draws the latency of each file: a bar to the median, the quartiles, and the median of each process."""

from collections.abc import Sequence

from micronet_edge.util.safe_text import escape
from micronet_edge_bench.report.bars import Scale, bar_row, scale_for
from micronet_edge_bench.report.colours import legend, precision_class
from micronet_edge_bench.report.text import milliseconds, shown
from micronet_edge_bench.results import FileResult, Run
from micronet_edge_bench.statistics import Latency, latency


def latency_plot(runs: Sequence[Run]) -> str:
    """The files of the runs on one scale from zero."""
    groups = [(run, [(file, latency(file.samples_ns)) for file in shown(run)]) for run in runs]
    every = [of for _run, files in groups for _file, of in files]
    if not every:
        return ""
    scale = scale_for(max(of.high_ns, *of.process_medians_ns) for of in every)
    rows = []
    for run, files in groups:
        if len(runs) > 1 and files:
            rows.append(f"<h4>{escape(run.title or run.label)}</h4>")
        rows += [_row(file, of, scale) for file, of in files]
    key = legend(file for _run, files in groups for file, _of in files)
    return f'{key}<div class="bars">{scale.axis()}{"".join(rows)}</div>'


def _row(file: FileResult, of: Latency, scale: Scale) -> str:
    tooltip = _tooltip(file, of)
    dots = "".join(f'<circle cx="{scale.at(value)}" cy="0" r="2.2"/>' for value in of.process_medians_ns)
    drawn = (
        f"<title>{escape(tooltip)}</title>"
        f'<rect class="bar" x="0" y="-8" width="{scale.at(of.median_ns)}" height="16" rx="2"/>'
        f'<line class="quartiles" x1="{scale.at(of.low_ns)}" x2="{scale.at(of.high_ns)}" y1="0" y2="0"/>'
        f"{dots}"
    )
    kind = f"{precision_class(file)}{' naive' if file.naive else ''}"
    return bar_row(file.name, milliseconds(of.median_ns), tooltip, scale, drawn, kind)


def _tooltip(file: FileResult, of: Latency) -> str:
    """The tooltip of a bar."""
    medians = ", ".join(map(milliseconds, of.process_medians_ns))
    return (
        f"{file.name}: median {milliseconds(of.median_ns)} ms, quartiles {milliseconds(of.low_ns)} and "
        f"{milliseconds(of.high_ns)} ms, medians of the processes {medians} ms"
    )
