"""The tables of files: a summary, and all figures."""

from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase

from micronet_edge.reports.tables import Column, Group, table
from micronet_edge.util.safe_text import escape
from micronet_edge.util.text import plural
from micronet_edge_bench.comparing import Comparison
from micronet_edge_bench.report.text import (
    format_of,
    interval,
    megabytes,
    millions,
    milliseconds,
    per_cent,
    shown,
    times,
    written_as,
)
from micronet_edge_bench.results import FileResult, Results, Run
from micronet_edge_bench.statistics import latency

Ratios = Mapping[tuple[str, str], Comparison]
"""The comparisons by a run's label and a file's name."""

_SUMMARY = (
    Column("file", words=True),
    Column("precision", words=True),
    Column("size, MB"),
    Column("MAdds, M"),
    Column("median, ms", wide=True),
    Column("speed", wide=True),
    Column("top-1"),
)
_TIMES = (
    Column("file", words=True),
    Column("mean, ms"),
    Column("least, ms"),
    Column("p90, ms"),
    Column("p99, ms"),
    Column("spread"),
    Column("apart"),
    Column("samples"),
    Column("load, ms"),
    Column("first run, ms"),
    Column("memory, MB"),
)
_FILES = (
    Column("file", words=True),
    Column("runtime", words=True),
    Column("delegate", words=True),
    Column("input", words=True),
    Column("SHA-256", words=True),
)
_HASH_DIGITS = 12


def summary_table(results: Results, ratios: Ratios) -> str:
    """The summary, followed by the sources of the accuracies."""
    notes = _notes(results)
    groups = _groups(results, lambda run, file: _summary(file, _speed(run, file, ratios), notes))
    sources = "".join(f"<li>{escape(source)}</li>" for source in notes)
    below = f'<ol class="notes" type="a">{sources}</ol>' if sources else ""
    return table(*_filled(_SUMMARY, groups)) + below


def times_table(results: Results) -> str:
    """All figures of the latency."""
    return table(*_filled(_TIMES, _groups(results, lambda _run, file: _times(file))))


def files_table(results: Results) -> str:
    """The runtimes and details of the files."""
    return table(*_filled(_FILES, _groups(results, lambda _run, file: _file(file))))


def _groups(results: Results, row: Callable[[Run, FileResult], list[str]]) -> list[Group]:
    """The files by run, under the run's name if there are several."""
    runs = [run for run in results.runs if shown(run)]
    return [
        (escape(run.label) if len(runs) > 1 else "", [row(run, file) for file in shown(run)]) for run in runs
    ]


def _filled(columns: Sequence[Column], groups: Sequence[Group]) -> tuple[list[Column], list[Group]]:
    """The columns that are not empty."""
    rows = [row for _heading, lines in groups for row in lines]
    kept = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    return (
        [columns[place] for place in kept],
        [(heading, [[row[place] for place in kept] for row in lines]) for heading, lines in groups],
    )


def _notes(results: Results) -> dict[str, str]:
    """A letter for each source of an accuracy."""
    sources = dict.fromkeys(
        file.top1_source for _run, file in results.rows() if file.top1 is not None and file.top1_source
    )
    return {source: _letter(place) for place, source in enumerate(sources)}


def _letter(place: int) -> str:
    """The letter of an ordered list's entry: a to z, aa, ab and so on."""
    first, last = divmod(place, len(ascii_lowercase))
    return (_letter(first - 1) if first else "") + ascii_lowercase[last]


def _summary(file: FileResult, speed: str, notes: Mapping[str, str]) -> list[str]:
    of = latency(file.samples_ns)
    quartiles = f"{milliseconds(of.low_ns)} to {milliseconds(of.high_ns)}"
    return [
        escape(file.name),
        f"{escape(written_as(file))} <small>{escape(format_of(file))}</small>",
        megabytes(file.size_bytes),
        "" if file.madds is None else millions(file.madds),
        f"<b>{milliseconds(of.median_ns)}</b> <small>{quartiles}</small>",
        speed,
        _top1(file, notes),
    ]


def _speed(run: Run, file: FileResult, ratios: Ratios) -> str:
    comparison = ratios.get((run.label, file.name))
    if comparison is None:
        baselines = {of.baseline for (label, _name), of in ratios.items() if label == run.label}
        return "<small>baseline</small>" if file.name in baselines else ""
    ratio = comparison.ratio
    kind = "faster" if ratio.low > 1 else "slower" if ratio.high < 1 else "even"
    against = f"speed-up over {comparison.baseline}, 95 % interval"
    return (
        f'<b class="{kind}" title="{escape(against)}">{times(ratio.value)}</b> '
        f"<small>{interval(ratio)}</small>"
    )


def _top1(file: FileResult, notes: Mapping[str, str]) -> str:
    if file.top1 is None:
        return ""
    letter = notes.get(file.top1_source or "", "")
    return f"{per_cent(file.top1)}{f'&nbsp;<sup>{letter}</sup>' if letter else ''}"


def _times(file: FileResult) -> list[str]:
    of = latency(file.samples_ns)
    memory = [each.peak_memory_bytes for each in file.processes if each.peak_memory_bytes is not None]
    loads = sorted(each.load_ns for each in file.processes)
    firsts = sorted(each.first_run_ns for each in file.processes)
    return [
        escape(file.name),
        *(milliseconds(value) for value in (of.mean_ns, of.min_ns, of.p90_ns, of.p99_ns)),
        per_cent(of.spread),
        per_cent(of.disagreement),
        f"{of.count:,}",
        milliseconds(loads[len(loads) // 2]),
        milliseconds(firsts[len(firsts) // 2]),
        megabytes(max(memory)) if memory else "",
    ]


def _file(file: FileResult) -> list[str]:
    shape = "\N{MULTIPLICATION SIGN}".join(map(str, file.input_shape))
    return [
        escape(file.name),
        escape(f"{file.runtime} {file.runtime_version}"),
        escape(_delegate(file)),
        escape(f"{file.input}, {file.input_dtype} {shape}"),
        f"<code>{escape(file.sha256[:_HASH_DIGITS])}</code>",
    ]


def _delegate(file: FileResult) -> str:
    """The delegate and its number of nodes, as far as the runtime reports it."""
    fused = f"fused kernels: {plural(file.fused, 'activation')}" if file.fused else ""
    if file.delegate is None:
        return fused
    nodes = ""
    if file.delegated_nodes is not None and file.nodes is not None:
        nodes = f": {file.delegated_nodes} of {file.nodes} nodes"
    pieces = "" if file.partitions is None else f" in {file.partitions} pieces"
    taken = f"{file.delegate}{nodes}{pieces if file.partitions != 1 else ''}"
    return f"{taken}; {fused}" if fused else taken
