"""Parses Vela's output: a summary of one row, a table of the layers, and warnings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CPU = "CPU"
_WARNING = re.compile(r"^Warning \([^)]*\) operator: (?P<operator>\S+), ofm: '(?P<output>.*)'$")
_REASON = "Reason: "


@dataclass(frozen=True, slots=True)
class Layer:
    """One operator of the network after Vela's rewrites, in Vela's order.

    `original` is the file's operator, `operator` Vela's. `name` is its output's name. `sram_bytes` are in use
    while it runs. `utilization` is the used share of the NPU's multiply-adds in its cycles. Operators on the
    CPU have no figures.
    """

    name: str
    original: str
    operator: str
    on_npu: bool
    cycles: int
    madds: int
    sram_bytes: int
    utilization: float


@dataclass(frozen=True, slots=True)
class Fallback:
    """An operator of the file that Vela leaves to the CPU, with Vela's reason, if any.

    The reason's first line is the problem, the others are the requirements.
    """

    name: str
    operator: str
    reason: str | None


def summary(text: str) -> dict[str, str]:
    """The values of the summary by heading. No value contains a comma, since Vela does not quote."""
    headings, values = text.splitlines()
    return dict(zip(headings.split(","), values.split(","), strict=True))


def layers(text: str) -> tuple[Layer, ...]:
    """The table of the layers. The name is the last column, so it may contain commas."""
    headings, *lines = text.splitlines()
    names = headings.split(",")
    rows = (dict(zip(names, line.split(",", len(names) - 1), strict=True)) for line in lines)
    return tuple(
        Layer(
            name=row["Name"],
            original=row["Original Operator"],
            operator=row["NNG Operator"],
            on_npu=row["Target"] != _CPU,
            cycles=int(row["Op Cycles"]),
            madds=int(row["MAC Count"]),
            sram_bytes=int(row["Staging Usage"]),
            utilization=float(row["Util% (MAC)"]) / 100 if int(row["Op Cycles"]) else 0.0,
        )
        for row in rows
    )


def fallbacks(rows: tuple[Layer, ...], printed: str) -> tuple[Fallback, ...]:
    """The operators on the CPU, each with the reason that Vela printed for its output."""
    reasons = {output: (operator, reason) for output, operator, reason in _warnings(printed)}
    found = []
    for row in rows:
        if not row.on_npu:
            operator, reason = reasons.get(row.name, (row.original, None))
            found.append(Fallback(row.name, operator, reason))
    return tuple(found)


def _warnings(printed: str) -> Iterator[tuple[str, str, str]]:
    """Output, operator and reason of each warning; a reason ends at an empty line."""
    for block in printed.split("\n\n"):
        first, *rest = block.strip().splitlines() or [""]
        if match := _WARNING.match(first):
            reason = "\n".join(line.strip() for line in rest).removeprefix(_REASON)
            yield match["output"], match["operator"], reason
