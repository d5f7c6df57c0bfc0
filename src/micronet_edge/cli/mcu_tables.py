"""What `micronet-edge bench` prints for microcontrollers: a table for each board, and where the counts go."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from micronet_edge.util.terminal import open_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from micronet_edge_bench.mcu.results import McuResults, Measured

_STEPS_SHOWN = 10
_MEGA, _KILO = 1e6, 1e3
_DIGITS = 3


def print_all(results: "McuResults", *, profile: bool) -> None:
    """Prints everything on standard output."""
    console = open_console()
    for device in results.devices:
        measured = results.on(device)
        kinds = ", ".join(dict.fromkeys(each.kind for each in measured))
        console.print(f"mcu://{device}: {kinds}")
        console.print(_table(results, measured))
        for line in _notes(results, measured):
            console.print(line)
        console.print()
        for each in measured if profile else ():
            _print_profile(console, each)


def _table(results: "McuResults", measured: "tuple[Measured, ...]") -> "Table":
    compared = len(measured) > 1
    unit = measured[0].unit
    headings = (f"{unit}\nM", "arena\nkB", "stack\nkB", "weights\nkB", "tables\nkB", "code\nkB")
    table = _new_table("\nfile", *headings, *(["\nratio"] if compared else []))
    for each in measured:
        flash = each.flash
        parts = (flash.weights_bytes, flash.tables_bytes, flash.code_bytes) if flash else (None,) * 3
        sizes = (each.arena_bytes, each.stack_bytes, *parts)
        ratio = results.ratio(each)
        shown = "baseline" if ratio is None else f"{ratio:.2f}"
        cells = (_digits(each.count / _MEGA), *map(_kilobytes, sizes))
        table.add_row(each.file, *cells, *([shown] if compared else []))
    return table


def _notes(results: "McuResults", measured: "tuple[Measured, ...]") -> Iterable[str]:
    yield from (", ".join(tools) for tools in dict.fromkeys(each.tools for each in measured) if tools)
    for each in measured:
        if len(each.counts) > 1:
            runs = f"median of {len(each.counts)} runs, {min(each.counts):,} to {max(each.counts):,}"
            time = f"; {each.count / each.clock_hz * _KILO:.2f} ms at {each.clock_hz / _MEGA:g} MHz"
            yield f"{each.file}: {runs} {each.unit}{time if each.clock_hz else ''}"
    if any(each.flash for each in measured):
        yield "flash: weights, tables and code of the file, without the C library"
    if len(measured) > 1:
        yield f"ratio: {measured[0].unit} of {results.baseline} divided by the file's"


def _print_profile(console: "Console", each: "Measured") -> None:
    if not each.steps:
        console.print(f"{each.file}: measured without --profile")
        return
    total = sum(step.count for step in each.steps)
    console.print(f"{each.file}: {total:,} {each.unit} in {len(each.steps)} steps, {each.kind}")
    counts, steps = Counter[str](), Counter(step.kind for step in each.steps)
    for step in each.steps:
        counts[step.kind] += step.count
    kinds = _new_table("kind of layer", "steps", each.unit, "share")
    for kind, count in counts.most_common():
        kinds.add_row(kind, str(steps[kind]), f"{count:,}", f"{count / total:.1%}")
    dearest = _new_table("most expensive steps", "kind", each.unit, "share")
    for step in sorted(each.steps, key=lambda step: -step.count)[:_STEPS_SHOWN]:
        dearest.add_row(step.name, step.kind, f"{step.count:,}", f"{step.count / total:.1%}")
    console.print(kinds)
    console.print(dearest)


def _new_table(first: str, *others: str) -> "Table":
    """A table whose first column holds names and whose others hold figures or a word."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _kilobytes(size: int | None) -> str:
    return "-" if size is None else _digits(size / _KILO)


def _digits(figure: float) -> str:
    """The figure with at least three significant digits."""
    whole = len(str(int(figure))) if figure >= 1 else 0
    return f"{figure:,.{max(0, _DIGITS - whole)}f}"
