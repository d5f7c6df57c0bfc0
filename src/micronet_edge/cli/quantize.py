"""`micronet-edge quantize`: writes a network as proven integer files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.file_options import FileOptions
from micronet_edge.cli.options import DebugOption, NetworkOptions
from micronet_edge.cli.output_tables import print_outputs, share
from micronet_edge.cli.progress import (
    RANDOM_WEIGHTS,
    progress,
    say_what_is_unproven,
    say_what_runs,
    say_what_was_read,
)
from micronet_edge.cli.shared_options import with_shared_options
from micronet_edge.util.terminal import open_console, say_json

if TYPE_CHECKING:
    from micronet_edge.pipeline.artifacts import Artifacts


@one_line_errors
@with_shared_options
def quantize(
    source: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT|FACTORY",
            help="A checkpoint file, a function that builds a network (package.module:name or file.py:name), "
            "or a variant with random weights.",
        ),
    ],
    *,
    precision: Annotated[
        str, typer.Option(help="int8, or int8-a16 (16-bit activations: slower, no measurable loss).")
    ] = "int8",
    finetune: Annotated[
        Path | None,
        typer.Option(help="At least 256 labelled images to fine-tune on, one sub-folder per class."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Labelled images to measure --max-drop on, one sub-folder per class.")
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            help="Keep the most quantization-sensitive layers in float32 until top-1 drops by at most "
            "POINTS; fail otherwise.",
        ),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Recipe of an earlier run to quantize by, without --calibration.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Images per inference.")] = 1,
    files: FileOptions,
    network: NetworkOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Quantize a network to int8 ONNX and TFLite files, each compared with float."""
    del debug  # one_line_errors reads it

    console = open_console(err=True)
    with progress(console) as report:
        from micronet_edge.pipeline.run import quantize as run
        from micronet_edge.settings import QuantizeSettings

        settings = QuantizeSettings(
            **network.settings(),
            **files.settings(),
            precision=precision,
            batch=batch,
            recipe=recipe,
            finetune=finetune,
            data=data,
            max_drop=max_drop,
        )
        say_what_runs(source)
        quantized = run(source, settings=settings, report=report)
    say_what_was_read(console, quantized.files[0].assumption, quantized.files[0].notes)
    if quantized.files[0].random_weights:
        console.print(RANDOM_WEIGHTS, style="bold red")
    say_what_is_unproven(console, quantized.files)
    for note in quantized.notes:
        console.print(f"note: {note}", soft_wrap=True)
    if as_json:
        say_json(quantized.values())
    else:
        _print_table(quantized)


def _print_table(quantized: "Artifacts") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    console = open_console()
    if quantized.steps:
        steps = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for heading in ("format", "layers\nin float", "top-1", "change of top-1,\npoints (95 %)", "MB", "ms"):
            steps.add_column(heading, justify="right")
        for step in quantized.steps:
            size, latency = f"{step.size_bytes / 1e6:.2f}", f"{step.latency_ms:.2f}"
            of = step.difference
            change = f"{of.points:+z.2f} ({of.low:+z.2f} to {of.high:+z.2f})"
            steps.add_row(step.format, str(len(step.reverted)), f"{step.top1:.2f}", change, size, latency)
        console.print(steps)
    assert quantized.recipe is not None  # integer files have one
    folder = quantized.recipe.parent
    table = Table(title=f"in {folder}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("file", overflow="fold")
    for heading in ("precision", "MB", "operators", "same class\nas float", "cosine\nof logits"):
        table.add_column(heading, justify="right")
    for file in quantized.files:
        table.add_row(
            file.path.name,
            file.precision,
            f"{file.size_bytes / 1e6:.2f}",
            "-" if file.proof is None else str(sum(file.proof.operators.values())),
            "unproven" if file.proof is None else share(file.proof.top1_agreement),
            "-" if file.proof is None else f"{file.proof.cosine:.4f}",
        )
    console.print(table)
    if any(file.proof is not None and file.proof.outputs for file in quantized.files):
        print_outputs(quantized.files)
        console.print(f"Recipe: {quantized.recipe.name}.", highlight=False)
        return
    on = [f"On {file.proof.images} images. " for file in quantized.files if file.proof is not None]
    console.print(
        f"{''.join(on[:1])}Recipe: {quantized.recipe.name}. "
        "Measure the accuracy with: micronet-edge evaluate FILE --data DIR --checkpoint CHECKPOINT",
        highlight=False,
    )
