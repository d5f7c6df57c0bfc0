"""Runs our files in the programs that people use, and writes docs/compatibility.md.

    python benchmarks/clients [--only OpenCV] [--files tflite-int8]

What benchmarks/results/compatibility.json holds of the same file in the same environment is not run again.
"""

import argparse
import platform
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby, product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clients.client_table import Client, read_clients
from clients.comparing import compared
from clients.environments import NotInstalledError, environment
from clients.files import Written, write
from clients.kinds import KINDS, PROGRAM, Kind
from clients.networks import NETWORKS
from clients.page import PAGE, page
from clients.results import Results, WrittenKind, read_results, write_results
from clients.running import run
from micronet_edge.errors import MicronetEdgeError
from micronet_edge.util.output_files import write_text
from micronet_edge.util.terminal import say


def main() -> None:
    """Measures what is missing, then writes the page."""
    asked = _asked()
    if not asked.page:
        _measure(asked)
    write_text(page(read_results(), read_clients()), PAGE, overwrite=True)
    say(f"wrote {PAGE}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="clients", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="clients whose names hold this")
    parser.add_argument("--files", action="append", metavar="KIND", help="kinds whose names start so")
    parser.add_argument("--folder", type=Path, default=Path("out/compatibility"), help="keeps the files")
    parser.add_argument("--page", action="store_true", help="runs nothing: only writes the page again")
    return parser.parse_args()


def _measure(asked: argparse.Namespace) -> None:
    kinds = [kind for kind in (*KINDS, PROGRAM) if _wanted(kind.name, asked.files, str.startswith)]
    clients = [each for each in read_clients() if _wanted(each.name, asked.only, str.__contains__)]
    files = list(_files(kinds, asked.folder))
    results = _begun(files)
    for _, group in groupby(clients, key=lambda client: (client.requirements, client.in_node)):
        results = _run_in_one_environment(list(group), files, results, asked.folder)


def _wanted(name: str, asked: list[str] | None, fits: object) -> bool:
    return not asked or any(fits(name, each) for each in asked)  # type: ignore[operator]


def _files(kinds: Iterable[Kind], folder: Path) -> Iterable[Written]:
    for network, kind in product(NETWORKS, kinds):
        try:
            yield write(network, kind, folder)
        except MicronetEdgeError as error:
            say(f"{network.name} {kind.name}: no file: {error}", err=True)


def _begun(files: list[Written]) -> Results:
    """The earlier results, with all kinds that there are now; a row of another file is measured again."""
    results = read_results()
    known = {each.name for each in results.kinds} | {each.kind.name for each in files}
    written = tuple(
        WrittenKind(each.name, each.format, each.command) for each in (*KINDS, PROGRAM) if each.name in known
    )
    return replace(results, machine=platform.machine(), kinds=written)


def _run_in_one_environment(
    clients: list[Client], files: list[Written], results: Results, folder: Path
) -> Results:
    """Runs clients with the same requirements on what is missing."""
    missing = [
        (client, file) for client, file in product(clients, files) if _is_missing(client, file, results)
    ]
    if not missing:
        return results
    say(f"{missing[0][0].name}: installs {' '.join(missing[0][0].requirements)}")
    try:
        with environment(missing[0][0], folder) as start:
            for client, file in missing:
                words = start if client.in_node else (*start[:-1], client.child)
                row = compared(client, file, run(client, words, file))
                results = results.with_row(row)
                write_results(results)
                say(f"{client.name} {file.network} {file.kind.name}: {row.verdict} {row.error}")
    except NotInstalledError as error:
        for client in clients:
            results = results.without(client.name, str(error))
        write_results(results)
        say(f"{missing[0][0].name}: not installed: {error}")
    return results


def _is_missing(client: Client, file: Written, results: Results) -> bool:
    if file.kind.format not in client.reads or client.untried is not None:
        return False
    row = results.find(client.name, file.network, file.kind.name)
    return row is None or (row.sha256, row.requirements) != (file.sha256, client.requirements)


if __name__ == "__main__":
    main()
