"""`micronet-edge export`: writes a network as proven files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.file_options import FileOptions
from micronet_edge.cli.options import DebugOption, NetworkOptions, NumClassesOption
from micronet_edge.cli.output_tables import print_outputs
from micronet_edge.cli.progress import (
    RANDOM_WEIGHTS,
    progress,
    say_what_is_unproven,
    say_what_runs,
    say_what_was_read,
)
from micronet_edge.cli.shared_options import with_shared_options
from micronet_edge.util.terminal import open_console, say_json
from micronet_edge.util.text import plural

if TYPE_CHECKING:
    from micronet_edge.pipeline.artifacts import Exported

_DYNAMIC = "dynamic"


@one_line_errors
@with_shared_options
def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="VARIANT|CHECKPOINT|FACTORY",
            help="m0 to m3, a checkpoint file, or a function that builds a network: package.module:name or "
            "file.py:name.",
        ),
    ],
    *,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Checkpoint with trained weights for the variant.", show_default="random weights"),
    ] = None,
    num_classes: NumClassesOption = None,
    batch: Annotated[str, typer.Option(metavar="N|dynamic", help="Images per inference.")] = "1",
    precision: Annotated[str, typer.Option(help="float32, float16, int8 or int8-a16.")] = "float32",
    naive: Annotated[
        bool,
        typer.Option(
            "--naive", help="Write the network unchanged, as the usual converters do, for comparison."
        ),
    ] = False,
    files: FileOptions,
    network: NetworkOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Export a network to ONNX and TFLite files, each proven to compute the same function."""
    del debug  # one_line_errors reads it

    images = _batch(batch)
    console = open_console(err=True)
    with progress(console) as report:
        from micronet_edge.pipeline.run import export as run
        from micronet_edge.settings import ExportSettings

        settings = ExportSettings(
            **network.settings(),
            **files.settings(),
            num_classes=num_classes,
            batch=images,
            precision=precision,
            naive=naive,
        )
        say_what_runs(source)
        exported = run(source, checkpoint=checkpoint, settings=settings, report=report)
    say_what_was_read(console, exported[0].assumption, exported[0].notes)
    if exported[0].random_weights:
        console.print(RANDOM_WEIGHTS, style="bold red")
    say_what_is_unproven(console, exported)
    if (proof := exported[0].proof) is not None and proof.weakness is not None:
        console.print(f"WEAK PROOF: {proof.weakness}", style="bold red")
    if naive:
        console.print("NAIVE: the usual converters wrote the network as trained; for comparison only.")
        for line in (line for file in exported for line in file.lacking):
            console.print(line, highlight=False)
    if as_json:
        say_json([file.values() for file in exported])
    else:
        _print_table(exported)


def _batch(text: str) -> int | None:
    if text == _DYNAMIC:
        return None
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r}: give a number or {_DYNAMIC!r}", param_hint="--batch") from None


def _print_table(exported: "tuple[Exported, ...]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    folder = exported[0].path.parent
    table = Table(title=f"in {folder}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("file", overflow="fold")
    for heading in ("format", "precision", "MB", "operators", "difference\nto PyTorch"):
        table.add_column(heading)
    for file in exported:
        table.add_row(
            file.path.name,
            file.format,
            file.precision,
            f"{file.size_bytes / 1e6:.2f}",
            "-" if file.proof is None else str(sum(file.proof.operators.values())),
            "unproven" if file.proof is None else f"{file.proof.relative_difference:.1e}",
        )
    open_console().print(table)
    if proofs := [file.proof for file in exported if file.proof is not None]:
        agreements = [proof.top1_agreement for proof in proofs if proof.top1_agreement is not None]
        if not agreements:
            print_outputs(exported)
            return
        open_console().print(
            f"Compared with PyTorch on {plural(proofs[0].images, 'image')}: difference relative to the "
            f"largest logit; same class on {min(agreements):.0%}."
        )
