"""`micronet-edge models`: the variants with their size and accuracy."""

from typing import Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.progress import waiting
from micronet_edge.util.terminal import open_console, say_json


@one_line_errors
def models(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """List the variants: parameters, multiply-adds in both conventions, the paper's accuracy."""
    del debug  # one_line_errors reads it
    with waiting("counting the family"):
        rows = _rows()
    if as_json:
        say_json(rows)
    else:
        _print_table(rows)


def _rows() -> list[dict[str, object]]:
    from micronet_edge.counting import count
    from micronet_edge.models import FAMILY, MicroNet
    from micronet_edge.models.family import PAPER

    rows: list[dict[str, object]] = []
    for name, variant in FAMILY.items():
        counted = count(MicroNet(variant))
        rows.append(
            {
                "variant": name,
                "params": counted.params,
                "conv_linear_madds": counted.conv_linear_madds,
                "paper_convention_madds": counted.paper_madds,
                "paper_top1_percent": variant.paper_top1,
                "paper": PAPER,
            }
        )
    return rows


def _print_table(rows: list[dict[str, object]]) -> None:
    from rich.table import Table

    paper = rows[0]["paper"]
    table = Table(
        title="MicroNet at 224 px, 1000 classes", caption=f"Top-1: on ImageNet, as published in {paper}."
    )
    table.add_column("variant")
    for heading in ("params", "multiply-adds\nconv + linear", "multiply-adds\nas the paper counts", "top-1"):
        table.add_column(heading, justify="right")
    for row in rows:
        millions = (f"{float(str(row[key])) / 1e6:.2f} M" for key in list(row)[1:4])
        table.add_row(str(row["variant"]), *millions, f"{row['paper_top1_percent']} %")
    open_console().print(table)
