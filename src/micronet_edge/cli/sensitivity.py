"""`micronet-edge sensitivity`: ranks the layers of a quantized file by the accuracy they lose."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import (
    DebugOption,
    FactoryWeightsOption,
    KernelsOption,
    OverwriteOption,
    SkipUnreadableOption,
)
from micronet_edge.cli.progress import say_what_runs
from micronet_edge.util.terminal import open_console, say, say_json
from micronet_edge.util.text import plural

if TYPE_CHECKING:
    from rich.table import Table

    from micronet_edge.pipeline.sensitivity import FileSensitivity

_LAYERS_SHOWN = 20


@one_line_errors
def sensitivity(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An int8 file that `quantize` wrote.")],
    *,
    checkpoint: Annotated[
        Path, typer.Option(metavar="NETWORK", help="Checkpoint or factory that FILE was made from.")
    ],
    weights: FactoryWeightsOption = None,
    calibration: Annotated[
        Path, typer.Option(help="Images like those FILE was calibrated on: a folder, .npy or .npz.")
    ],
    data: Annotated[
        Path | None, typer.Option(help="Labelled images to measure top-1 on, one sub-folder per class.")
    ] = None,
    kernels: KernelsOption = "auto",
    html: Annotated[Path | None, typer.Option(help="Web page to write: a plot along the network.")] = None,
    overwrite: OverwriteOption = False,
    skip_unreadable: SkipUnreadableOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Rank the layers of a quantized file by the accuracy they lose, most sensitive first."""
    del debug  # one_line_errors reads it
    from micronet_edge.targets.isolation import expect

    expect(file)  # starts the process that opens the file while this one imports PyTorch
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = open_console(err=True)
    columns = (TextColumn("layers"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("layers", total=None)
        from micronet_edge.kernels import describe
        from micronet_edge.models.own_networks import with_weights
        from micronet_edge.pipeline.sensitivity import analyze_file
        from micronet_edge.quantization.recipe import recipe_path, weights_path
        from micronet_edge.reports.sensitivity_page import write_page
        from micronet_edge.settings import SensitivitySettings
        from micronet_edge.util.output_files import check_reports

        beside = [recipe_path(file), weights_path(recipe_path(file))] if file.name else []
        given = [file, checkpoint, weights, calibration, data, *beside]
        read = [path for path in given if path is not None]
        check_reports({"--html": html}, inputs=read, overwrite=overwrite)
        say_what_runs(checkpoint)
        found = analyze_file(
            file,
            with_weights(checkpoint, weights),
            calibration,
            SensitivitySettings(data=data, kernels=kernels, skip_unreadable=skip_unreadable),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if html is not None:
        write_page(found, html, overwrite=overwrite)
    for note in found.notes:
        say(f"note: {note}", err=True)
    if as_json:
        say_json(found.summary())
    else:
        _print_all(found, html)
        say(describe(found.fused, kernels))


def _print_all(found: "FileSensitivity", html: Path | None) -> None:
    console = open_console()
    console.print(_table(found))
    for line in _lines(found, html):
        console.print(line)


def _table(found: "FileSensitivity") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from micronet_edge.reports.sensitivity_plot import (
        back,
        decibels_of,
        left_out,
        range_of,
        share_of_noise,
        short_name,
        signed,
    )

    rows, start = [row for row in found.analysis.by_sensitivity if not row.in_float], left_out(found.analysis)
    brought = "agree" if found.data is None else "top-1"
    table = Table(box=SIMPLE_HEAD, padding=0)
    table.add_column("layer", overflow="fold")
    for heading in (
        "noise\nshare",
        f"{brought}\nback",
        "SQNR\ndB",
        "range",
        "range\nused",
        "values\nclipped",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows[:_LAYERS_SHOWN]:
        table.add_row(
            short_name(row, start),
            share_of_noise(row),
            "" if (gained := back(row)) is None else signed(gained.points),
            decibels_of(row),
            range_of(row),
            f"{row.range_utilisation:.0%}",
            f"{row.saturated:.2%}",
        )
    return table


def _lines(found: "FileSensitivity", html: Path | None) -> list[str]:
    of = found.analysis
    floating = sum(row.in_float for row in of.rows)
    less = len(of.rows) - floating - _LAYERS_SHOWN
    others = [f"{plural(less, 'more layer loses', 'more layers lose')} less"] if less > 0 else []
    others += [f"{plural(floating, 'layer is', 'layers are')} in float"] if floating else []
    lines = [f"{' and '.join(others)}: --json and --html have all", ""] if others else []
    lines += [
        f"{found.path.name} ({found.metadata.precision}) on {plural(of.measured_images, 'image')}",
        f"same class as {found.checkpoint.name} in float on {of.agreement:.2%} of them"
        if of.agreement is not None
        else f"signal to noise of the outputs against {found.checkpoint.name} in float: {of.sqnr_db:.1f} dB",
    ]
    if of.top1_float is not None and of.top1_quantized is not None:
        lines.append(f"top-1 in float {of.top1_float:.2%}, quantized {of.top1_quantized:.2%}")
    calibrated_on = plural(of.calibration_images, "image")
    lines += [
        f"SQNR, range, range used, values clipped: of each layer's output, on {calibrated_on}",
        "noise share, points back: what disappears or comes back if only that layer stays in float",
    ]
    return [*lines, f"page: {html}"] if html is not None else lines
