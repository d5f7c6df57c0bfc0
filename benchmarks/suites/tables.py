"""Prints a suite's results as the Markdown tables of READMEs and docs.

`python benchmarks/suites/tables.py benchmarks/results/baselines.json`
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import typer

sys.path.insert(0, str(Path(__file__).parents[1]))  # the baselines are not installed

from baselines.mcu_rows import mcu_tables
from micronet_edge.util.terminal import say
from micronet_edge_bench.mcu.results import read_mcu_results
from micronet_edge_bench.report.markdown import baseline_rows, family_float_rows, family_int8_rows
from micronet_edge_bench.results import read_results

TABLES = {"family": (family_float_rows, family_int8_rows), "baselines": (baseline_rows,)}
MICROCONTROLLERS = "mcu"


def main(results: Path) -> None:
    """Prints the tables of a suite."""
    for rows in _tables(results):
        for row in (*rows, ""):
            say(row)


def _tables(results: Path) -> Iterator[Iterator[str]]:
    if results.stem == MICROCONTROLLERS:
        return mcu_tables(read_mcu_results(results))
    return (rows(read_results(results)) for rows in TABLES[results.stem])


if __name__ == "__main__":
    typer.run(main)
