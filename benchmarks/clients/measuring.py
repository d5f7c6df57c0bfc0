"""Runs what is missing in the results, environment by environment."""

import platform
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby, product
from pathlib import Path

from clients.client_table import Client
from clients.comparing import compared
from clients.environments import NotInstalledError, environment
from clients.files import Written
from clients.kinds import KINDS, PROGRAM
from clients.results import Results, WrittenKind, read_results, write_results
from clients.running import run
from micronet_edge.util.terminal import say


def measure(
    clients: Iterable[Client], files: Sequence[Written], folder: Path, *, again: bool = False
) -> None:
    """Runs each client on each file that it reads where no row holds, or `again`."""
    for _, group in groupby(clients, key=lambda client: (client.requirements, client.in_node)):
        _run_in_one_environment(list(group), files, folder, again=again)


def begin(clients: Iterable[Client]) -> None:
    """Notes the machine and all kinds, and drops what is of clients and kinds that are no more."""
    names = {client.name for client in clients}
    kinds = (*KINDS, PROGRAM)

    def change(results: Results) -> Results:
        written = tuple(WrittenKind(each.name, each.format, each.command) for each in kinds)
        left = {each.name for each in kinds}
        rows = tuple(row for row in results.rows if row.client in names and row.kind in left)
        uninstalled = {name: why for name, why in results.uninstalled.items() if name in names}
        return Results(platform.machine(), written, rows, uninstalled)

    _change_results(change)


def _run_in_one_environment(
    clients: Sequence[Client], files: Sequence[Written], folder: Path, *, again: bool
) -> None:
    """Runs clients with the same requirements on what is missing."""
    results = Results() if again else read_results()
    missing = [each for each in product(clients, files) if _is_missing(*each, results)]
    if not missing:
        return
    first = missing[0][0]
    say(f"{first.name}: installs {' '.join(first.requirements)}")
    try:
        with environment(first, folder) as start:
            for client, file in missing:
                words = start if client.in_node else (*start[:-1], client.child)
                row = compared(client, file, run(client, words, file))
                _change_results(partial(Results.with_row, row=row))
                say(f"{client.name} {file.network} {file.kind.name}: {row.verdict} {row.error}")
    except NotInstalledError as error:
        why = str(error)
        for client in clients:
            _change_results(partial(Results.without, client=client.name, why=why))
        say(f"{first.name}: not installed: {why}")


def _change_results(change: Callable[[Results], Results]) -> None:
    """Reads the results anew each time: two runs for different clients may go on side by side."""
    write_results(change(read_results()))


def _is_missing(client: Client, file: Written, results: Results) -> bool:
    if file.kind.format not in client.reads or client.untried is not None:
        return False
    row = results.find(client.name, file.network, file.kind.name)
    return row is None or (row.sha256, row.requirements) != (file.sha256, client.requirements)
