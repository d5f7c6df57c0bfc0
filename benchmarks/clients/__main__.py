"""Runs our files in the programs that people use, and writes docs/compatibility.md.

    python benchmarks/clients [--only OpenCV] [--files tflite-int8]

What benchmarks/results/compatibility.json holds of the same file in the same environment is not run again.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clients.client_table import read_clients
from clients.files import Written, write
from clients.kinds import KINDS, PROGRAM, Kind
from clients.measuring import begin, measure
from clients.networks import NETWORKS
from clients.page import PAGE, page
from clients.results import read_results
from micronet_edge.errors import MicronetEdgeError
from micronet_edge.util.output_files import write_text
from micronet_edge.util.terminal import say


def main() -> None:
    """Measures what is missing, then writes the page."""
    asked, clients = _asked(), read_clients()
    begin(clients)
    if not asked.page:
        chosen = [each for each in clients if not asked.only or any(name in each.name for name in asked.only)]
        formats = {format_ for each in chosen for format_ in each.reads}
        files = list(_files(_kinds(asked.files, formats), asked.folder))
        measure(chosen, files, asked.folder, again=asked.again)
    write_text(page(read_results(), clients), PAGE, overwrite=True)
    say(f"wrote {PAGE}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="clients", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="clients whose names hold this")
    parser.add_argument("--files", action="append", metavar="KIND", help="kinds whose names start so")
    parser.add_argument("--folder", type=Path, default=Path("out/compatibility"), help="keeps the files")
    parser.add_argument("--again", action="store_true", help="runs what is measured as well")
    parser.add_argument("--page", action="store_true", help="runs nothing: only writes the page again")
    return parser.parse_args()


def _kinds(starts: list[str] | None, formats: set[str]) -> Iterator[Kind]:
    for kind in (*KINDS, PROGRAM):
        if kind.format in formats and (not starts or kind.name.startswith(tuple(starts))):
            yield kind


def _files(kinds: Iterable[Kind], folder: Path) -> Iterator[Written]:
    for network, kind in product(NETWORKS, list(kinds)):
        try:
            yield write(network, kind, folder)
        except MicronetEdgeError as error:
            say(f"{network.name} {kind.name}: no file: {error}", err=True)


if __name__ == "__main__":
    main()
