"""Parses the tables of TFLite's operator profiler, as benchmark_model prints them.

Each graph has three tables: the operators in order of execution, the slowest operators again, and sums by
operator type. Columns vary between versions, so the headings identify them:

    [node type]   [first]  [avg ms]      [%]   [cdf%]  [mem KB]  [times called]  [Name]
        CONV_2D     0.087     0.060   2.066%   2.066%     0.000               1  [stem/conv]:0

`[avg ms]` is per call in the first table and per inference in the sums.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile

_INIT = "Profiling Info for Benchmark Initialization"
_RUNS = "Operator-wise Profiling Info for Regular Benchmark Runs"
_OPERATORS, _SUMS = "node type", "Node type"
_TITLE = re.compile(r"^((?:Primary graph|Subgraph|Delegate internal).*?):?$")
_EXECUTED = re.compile(r"^Number of nodes executed: (\d+)")
_COLUMN = re.compile(r"\[([^\]]+)\]")
_NUMBER = r"-?(?:nan|inf|[\d.]+)"
_INDEX = re.compile(r"^\[?(.*?)\]?[:/](\d+)$")


@dataclass(frozen=True, slots=True)
class Operator:
    """One node of a graph, or one stage of initialization.

    `name` holds its outputs' names, `index` its index in the graph; `calls` is the number of calls per
    inference, rounded down; `share` is its share of the time, from 0 to 1.
    """

    kind: str
    name: str
    index: int | None
    first_ns: float
    mean_ns: float
    calls: int
    share: float
    memory_kb: float

    @property
    def inference_ns(self) -> float:
        """The time per inference."""
        return self.mean_ns * max(self.calls, 1)


@dataclass(frozen=True, slots=True)
class KindOfOperator:
    """All nodes of one type together, per inference."""

    kind: str
    nodes: int
    inference_ns: float
    calls: int
    share: float
    memory_kb: float


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph's operators in order of execution; `title` is empty for a single graph."""

    title: str
    operators: tuple[Operator, ...]
    kinds: tuple[KindOfOperator, ...]
    nodes_executed: int | None


Profile = tuple[Graph, ...]
"""The main graph, then the delegates' graphs."""


def read_profiles(lines: Sequence[str]) -> tuple[Profile | None, Profile | None]:
    """The profiles of the initialization and of the inferences; None for one that is missing."""
    return _section(lines, _INIT, _RUNS), _section(lines, _RUNS, _INIT)


def _section(lines: Sequence[str], head: str, other: str) -> Profile | None:
    rest = list(dropwhile(lambda line: not line.startswith(head), lines))[1:]
    graphs = tuple(_graphs(takewhile(lambda line: not line.startswith((head, other)), rest)))
    return graphs or None


def _graphs(lines: Iterable[str]) -> Iterator[Graph]:
    """Splits into graphs: each ends with the sums; its second table repeats the slowest operators."""
    title, operators, executed = "", None, None
    for line, rows in _tables(lines):
        if found := _TITLE.match(line):
            title = found[1]
        elif found := _EXECUTED.match(line):
            executed = int(found[1])
        elif f"[{_OPERATORS}]" in line and operators is None:
            operators = tuple(_operator(row) for row in rows)
        elif f"[{_SUMS}]" in line:
            yield Graph(title, operators or (), tuple(_kind(row) for row in rows), executed)
            title, operators, executed = "", None, None


def _tables(lines: Iterable[str]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Each heading line with the rows below it."""
    head, columns = "", list[str]()
    rows: list[dict[str, str]] = []
    pattern: re.Pattern[str] | None = None
    for line in lines:
        found = pattern.match(line) if pattern else None
        if found:
            rows.append(dict(zip(columns, found.groups(), strict=True)))
            continue
        yield head, rows
        head, rows, columns = line, [], _COLUMN.findall(line)
        pattern = _row(columns) if columns and columns[0] in {_OPERATORS, _SUMS} else None
    yield head, rows


def _row(columns: Sequence[str]) -> re.Pattern[str]:
    """The pattern of a row; types and names may contain spaces and numbers, so all columns must match."""
    fields = {columns[0]: r"(\S.*?)", "Name": r"(\S.*)"}
    words = [fields.get(column, f"({_NUMBER}{'%' if '%' in column else ''})") for column in columns]
    return re.compile(r"^\s*" + r"\s+".join(words) + r"\s*$")


def _operator(row: dict[str, str]) -> Operator:
    found = _INDEX.match(row["Name"])
    return Operator(
        kind=row[_OPERATORS],
        name=found[1] if found else row["Name"],
        index=int(found[2]) if found else None,
        first_ns=_ns(row["first"]),
        mean_ns=_ns(row["avg ms"]),
        calls=int(row.get("times called", "1")),
        share=_share(row["%"]),
        memory_kb=float(row["mem KB"]),
    )


def _kind(row: dict[str, str]) -> KindOfOperator:
    return KindOfOperator(
        kind=row[_SUMS],
        nodes=int(row["count"]),
        inference_ns=_ns(row["avg ms"]),
        calls=int(row.get("times called", row["count"])),
        share=_share(row["avg %"]),
        memory_kb=float(row["mem KB"]),
    )


def _ns(milliseconds: str) -> float:
    return round(float(milliseconds) * 1e6, 3)


def _share(percent: str) -> float:
    return round(float(percent.rstrip("%")) / 100, 6)
