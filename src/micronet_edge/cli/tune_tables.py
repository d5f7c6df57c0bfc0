"""What `micronet-edge tune` prints: its trials within 80 columns, and what they gained."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING

from micronet_edge.util.terminal import open_console
from micronet_edge.util.text import plural

if TYPE_CHECKING:
    from rich.table import Table

    from micronet_edge_bench.tuning.search import Trial

_SHORT = 8
"""Letters of a name that has room above a figure; longer ones get a number."""


def print_trials(trials: "Sequence[Trial]") -> None:
    """Prints the trials of each table, and the networks that it only numbers."""
    if not trials:
        return
    console = open_console()
    headings = network_headings(list(trials[0].times))
    for name, of_table in groupby(trials, lambda trial: trial.table):
        console.print(_table(name, list(of_table), list(headings.values())))
    for name, heading in headings.items():
        if heading not in {name, ""}:
            console.print(f"{heading}: {name}", soft_wrap=True)
    console.print("time: relative to the best files so far, below 1 is faster; the fastest is")
    console.print("measured twice")


def network_headings(names: Sequence[str]) -> dict[str, str]:
    """A heading for each network: its name if all are short, else a number; empty for the only one."""
    if len(names) == 1:
        return {names[0]: ""}
    short = all(len(name) <= _SHORT for name in names)
    return {name: name if short else f"no. {number}" for number, name in enumerate(names, 1)}


def gains(trials: "Sequence[Trial]", tables: Sequence[str]) -> Iterator[str]:
    """A line for each table: how much faster its files are than those of the costs it started from."""
    for table in tables:
        taken = [trial for trial in trials if trial.table == table and trial.taken]
        if taken:
            less = 1 - prod(trial.time for trial in taken)
            changed = ", ".join(f"{trial.figure} {trial.value:g}" for trial in taken)
            yield f"{table}: files take {less:.1%} less time than before, by {changed}"
        else:
            tried = len({(trial.figure, trial.value) for trial in trials if trial.table == table})
            by = f"by {plural(tried, 'change')}" if tried else "since no change alters a file"
            yield f"{table}: nothing gained {by}; its costs stay"


def _table(name: str, trials: "Sequence[Trial]", networks: Sequence[str]) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    several, taken = len(networks) > 1, any(trial.taken for trial in trials)
    table = Table(title=name, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("figure", overflow="fold")
    headings = ["value", *(networks if several else ()), "time"]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    if taken:
        table.add_column("", no_wrap=True)
    for trial in trials:
        times = [f"{each:.3f}" for each in (*(trial.times.values() if several else ()), trial.time)]
        mark = ["taken" if trial.taken else ""] if taken else []
        table.add_row(trial.figure, f"{trial.value:g}", *times, *mark)
    return table
