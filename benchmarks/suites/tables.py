"""Prints a suite's results as the Markdown tables of READMEs and docs.

`python benchmarks/suites/tables.py benchmarks/results/baselines.json`
"""

from pathlib import Path

import typer

from micronet_edge.util.terminal import say
from micronet_edge_bench.report.markdown import baseline_rows, family_float_rows, family_int8_rows
from micronet_edge_bench.results import read_results

TABLES = {"family": (family_float_rows, family_int8_rows), "baselines": (baseline_rows,)}


def main(results: Path) -> None:
    """Prints the tables of a suite."""
    for rows in TABLES[results.stem]:
        for row in (*rows(read_results(results)), ""):
            say(row)


if __name__ == "__main__":
    typer.run(main)
