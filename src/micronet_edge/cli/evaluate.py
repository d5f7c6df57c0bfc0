"""`micronet-edge evaluate`: the accuracy of a file or a checkpoint on labelled images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import DebugOption, KernelsOption, NetworkOptions, SkipUnreadableOption
from micronet_edge.cli.progress import say_what_runs, say_what_was_read
from micronet_edge.cli.shared_options import with_shared_options
from micronet_edge.util.terminal import open_console, say, say_json
from micronet_edge.util.text import plural

if TYPE_CHECKING:
    from rich.table import Table

    from micronet_edge.evaluation.evaluate import Evaluation

_CLASSES_SHOWN = 20


@one_line_errors
@with_shared_options
def evaluate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|CHECKPOINT|FACTORY",
            help="An exported file, a checkpoint, or a function that builds a network: "
            "package.module:name or file.py:name.",
        ),
    ],
    *,
    data: Annotated[
        Path, typer.Option(help="Folder with one sub-folder of images per class, named as its label.")
    ],
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="NETWORK", help="Checkpoint or factory of the float network to compare with."),
    ] = None,
    network: NetworkOptions,
    kernels: KernelsOption = "auto",
    skip_unreadable: SkipUnreadableOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Measure the accuracy of a network on a folder of labelled images."""
    del debug  # one_line_errors reads it
    from micronet_edge.targets.isolation import expect

    expect(file)  # starts the process that opens the file while this one imports PyTorch
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = open_console(err=True)
    columns = (TextColumn("images"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("images", total=None)
        from micronet_edge.evaluation.evaluate import evaluate as run
        from micronet_edge.evaluation.networks import named, runs_in_pytorch
        from micronet_edge.kernels import describe
        from micronet_edge.settings import EvaluateSettings

        say_what_runs(file, checkpoint)
        settings = EvaluateSettings(
            **network.settings(),
            kernels=kernels,
            skip_unreadable=skip_unreadable,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        evaluation = run(file, data, checkpoint=checkpoint, settings=settings)
    say_what_was_read(console, evaluation.assumption, evaluation.notes)
    if as_json:
        say_json(evaluation.summary())
    else:
        _print_all(evaluation)
        if not runs_in_pytorch(named(file)):
            say(describe(evaluation.fused, kernels))


def _print_all(evaluation: "Evaluation") -> None:
    console = open_console()
    console.print(_table(evaluation))
    for line in _lines(evaluation):
        console.print(line)


def _table(evaluation: "Evaluation") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = [row for row in evaluation.classes if row.images]
    title = None
    if len(rows) > _CLASSES_SHOWN:
        title = f"The {_CLASSES_SHOWN} of {len(rows)} classes with the lowest accuracy"
        rows = sorted(rows, key=lambda row: row.right / row.images)[:_CLASSES_SHOWN]
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("no.", justify="right", no_wrap=True)
    table.add_column("class", overflow="fold")
    for heading in ("images", "right", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("most often confused with", overflow="fold")
    for row in rows:
        mistaken = "" if row.mistaken_for is None else f"{row.mistaken_for} ({row.mistaken})"
        figures = (str(row.images), str(row.right), f"{row.right / row.images:.1%}", mistaken)
        table.add_row(str(row.index), row.label, *figures)
    return table


def _lines(evaluation: "Evaluation") -> list[str]:
    top1, top5, found = evaluation.top1, evaluation.top5, evaluation.comparison
    lines = [
        f"{evaluation.path.name} ({evaluation.metadata.precision}) on {plural(evaluation.images, 'image')}",
        f"top-1  {top1.share:.2%} ({top1.right} right), 95 % interval {top1.low:z.2%} to {top1.high:.2%}",
        evaluation.data.order,
    ]
    if evaluation.guesses < len(evaluation.metadata.labels):  # top-5 of five classes is always 100 %
        lines.append(f"top-{evaluation.guesses}  {top5.share:.2%} ({top5.right} right)")
    if found is not None:
        points = found.difference
        interval = f"95 % interval {points.low:+z.2f} to {points.high:+z.2f}"
        lines += [
            "",
            f"{found.checkpoint.name} on the same images: top-1 {found.top1.share:.2%}",
            f"same class on {found.agreement:.2%} of the images",
            f"top-1 differs by {points.points:+z.2f} points, {interval}",
        ]
    return lines
