"""The tables that the READMEs quote of a suite's results, as Markdown.

`python benchmarks/suites/tables.py benchmarks/results/peers.json`
"""

from pathlib import Path

import typer

from micronet_edge.util.terminal import say
from micronet_edge_bench.report.markdown import family_float_rows, family_int8_rows, peer_rows
from micronet_edge_bench.results import read_results

TABLES = {"family": (family_float_rows, family_int8_rows), "peers": (peer_rows,)}


def main(results: Path) -> None:
    """Prints the tables of a suite."""
    for rows in TABLES[results.stem]:
        for row in (*rows(read_results(results)), ""):
            say(row)


if __name__ == "__main__":
    typer.run(main)
