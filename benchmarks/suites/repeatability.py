"""Compares all ratios of two runs of one suite.

python benchmarks/suites/repeatability.py FIRST.json SECOND.json
"""

from pathlib import Path
from statistics import median

import typer
from rich.table import Table

from micronet_edge.util.terminal import open_console
from micronet_edge_bench.comparing import compare
from micronet_edge_bench.results import read_results
from micronet_edge_bench.statistics import Ratio

ALLOWED = 0.03


def main(first: Path, second: Path) -> None:
    """Compares the ratios of two results files."""
    ours, theirs = _ratios(first), _ratios(second)
    table = Table(title="Speed-up over the first of each turn")
    for heading in ("turn", "file", "first run", "second run", "apart"):
        table.add_column(heading)
    apart = {}
    for key, ratio in ours.items():
        other = theirs[key]
        apart[key] = abs(other.value / ratio.value - 1)
        table.add_row(*key, _said(ratio), _said(other), f"{apart[key]:.1%}")
    console = open_console(width=130)
    console.print(table)
    within = sum(each <= ALLOWED for each in apart.values())
    console.print(
        f"{within} of {len(apart)} ratios agree within {ALLOWED:.0%}; median difference "
        f"{median(apart.values()):.1%}, maximum {max(apart.values()):.1%}"
    )


def _ratios(path: Path) -> dict[tuple[str, str], Ratio]:
    return {(each.run, each.name): each.ratio for each in compare(read_results(path))}


def _said(ratio: Ratio) -> str:
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


if __name__ == "__main__":
    typer.run(main)
