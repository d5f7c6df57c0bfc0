"""What is printed about each output of a file that is no classifier."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from micronet_edge.util.terminal import open_console
from micronet_edge.util.text import plural

if TYPE_CHECKING:
    from micronet_edge.pipeline.artifacts import Exported


def share(part: float | None) -> str:
    """A share in per cent; a dash for what has none."""
    return "-" if part is None else f"{part:.1%}"


def print_outputs(files: "Sequence[Exported]") -> None:
    """Prints a line for each output of each proven file: how far it is from PyTorch's."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("format")
    table.add_column("output", overflow="fold")
    for heading in ("difference\nto PyTorch", "cosine", "signal to\nnoise, dB"):
        table.add_column(heading, justify="right")
    proofs = [(file.format, file.proof) for file in files if file.proof is not None]
    for name, proof in proofs:
        for each in proof.outputs:
            figures = (f"{each.relative_difference:.1e}", f"{each.cosine:.4f}", f"{each.signal_db:.1f}")
            table.add_row(name, each.name, *figures)
    console = open_console()
    console.print(table)
    if proofs:
        console.print(
            f"Compared with PyTorch on {plural(proofs[0][1].images, 'sample')}: difference relative to the "
            "largest value of the output."
        )
