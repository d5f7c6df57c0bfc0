"""`micronet-edge fit`: which network fits into which microcontroller at which input size."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import DebugOption, NumClassesOption, memory_size
from micronet_edge.cli.progress import progress
from micronet_edge.util.terminal import open_console, say_json

if TYPE_CHECKING:
    from rich.table import Table

    from micronet_edge_c.fit import Footprint

_KB = 1 << 10


@one_line_errors
def fit(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="VARIANT|CHECKPOINT|FACTORY",
            help="A network.",
            show_default="m0 to m3",
        ),
    ] = None,
    *,
    flash: Annotated[
        int | None,
        typer.Option(parser=memory_size, metavar="SIZE", help="Flash of a microcontroller, such as 1M."),
    ] = None,
    sram: Annotated[
        int | None,
        typer.Option(parser=memory_size, metavar="SIZE", help="Its SRAM, such as 256k."),
    ] = None,
    num_classes: NumClassesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Show which network fits into which microcontroller at which input size, as int8 C files."""
    del debug  # one_line_errors reads it
    if (flash is None) != (sram is None):
        raise typer.BadParameter("give --flash and --sram together, or none for common boards")
    found = _footprints(source, num_classes)
    if as_json:
        say_json([asdict(each) for each in found])
    elif flash is None or sram is None:
        open_console().print(_boards(found))
        _print_notes()
    else:
        open_console().print(_sizes(found, flash, sram))
        _print_notes()


def _footprints(source: str | None, num_classes: int | None) -> "list[Footprint]":
    from micronet_edge.models import FAMILY
    from micronet_edge.models.source import read_source
    from micronet_edge.settings import CheckpointSettings
    from micronet_edge_c.fit import footprints

    settings = CheckpointSettings(num_classes=num_classes)
    found: list[Footprint] = []
    with progress(open_console(err=True)) as report:
        for name in [source] if source is not None else list(FAMILY):
            report(f"planning the memory of {name}")
            origin = read_source(name, None, settings, None)
            found += footprints(origin.network, origin.metadata)
    return found


def _sizes(found: "Sequence[Footprint]", flash: int, sram: int) -> "Table":
    table = _table("network", "pixels", "flash kB", "SRAM kB", "fits")
    for each in found:
        fits = "yes" if each.fits(flash, sram) else "no"
        sizes = (each.flash_bytes, each.sram_bytes)
        table.add_row(each.network, str(each.input_size), *(f"{-(-size // _KB):,}" for size in sizes), fits)
    return table


def _boards(found: "Sequence[Footprint]") -> "Table":
    from micronet_edge_c.fit import boards

    networks = list(dict.fromkeys(each.network for each in found))
    table = _table("board", "core", "flash kB", "SRAM kB", *networks)
    for board in boards():
        largest = [_largest(found, name, board.flash_kb * _KB, board.sram_kb * _KB) for name in networks]
        table.add_row(board.name, board.core, f"{board.flash_kb:,}", f"{board.sram_kb:,}", *largest)
    return table


def _largest(found: "Sequence[Footprint]", network: str, flash: int, sram: int) -> str:
    """The largest input size at which a network fits, in pixels."""
    sizes = [each.input_size for each in found if each.network == network and each.fits(flash, sram)]
    return f"{max(sizes)} px" if sizes else "-"


def _table(*headings: str) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading in {"network", "board", "core"} else "right")
    return table


def _print_notes() -> None:
    open_console().print(
        "1 kB is 1,024 bytes. Flash: weights and at most 39 kB of code. SRAM: the arena and the scores; "
        "the image, the stack and the rest of the program come on top.",
        highlight=False,
    )
