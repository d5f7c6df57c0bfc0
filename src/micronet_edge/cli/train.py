"""`micronet-edge train`: from labelled images to a trained network."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import DebugOption, OverwriteOption, SkipUnreadableOption, whole_number
from micronet_edge.cli.progress import say_what_runs
from micronet_edge.cli.train_progress import watching
from micronet_edge.cli.train_results import print_results
from micronet_edge.util.terminal import say, say_json

_RECIPE = "the recipe's"


@one_line_errors
def train(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Folder with one sub-folder of images per class, or with train/ and val/ of such "
            "sub-folders, or WebDataset shards: 'photos-{000..099}.tar'.",
            show_default=False,
        ),
    ] = None,
    *,
    variant: Annotated[
        str | None, typer.Option(help="m0, m1, m2 or m3.", show_default="the checkpoint's, else m0")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="CHECKPOINT",
            help="Checkpoint to start from: the authors' or one of ours.",
            show_default="random weights",
        ),
    ] = None,
    keep_head: Annotated[
        bool, typer.Option("--keep-head", help="Keep the checkpoint's classes, which must be those of DATA.")
    ] = False,
    validation: Annotated[
        str | None,
        typer.Option(
            "--val",
            metavar="DATA",
            help="Validation images: a folder or shards.",
            show_default="a part of DATA",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="How to train: small, finetune, paper, or a TOML file.",
            show_default="small; with --from: finetune",
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the recipe and end; needs no DATA.")] = False,
    input_size: Annotated[
        int | None,
        typer.Option(
            parser=whole_number,
            metavar="PIXELS",
            help="Side of the images.",
            show_default="the checkpoint's, else the recipe's",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            parser=whole_number, metavar="N", help="Passes over the training images.", show_default=_RECIPE
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            parser=whole_number,
            metavar="N",
            help="Images a step, over all processes.",
            show_default=_RECIPE,
        ),
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate at that batch size.", show_default=_RECIPE)
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK",
            help="Network to distil from: a checkpoint, or a function that builds one: package.module:name.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for all files of the run.", show_default="VARIANT-DATA: m0-photos"
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the output folder.")
    ] = False,
    overwrite: OverwriteOption = False,
    seed: Annotated[int, typer.Option(help="Seed of weights, order and augmentation.")] = 0,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="auto takes a GPU if there is one.")
    ] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            parser=whole_number,
            metavar="N",
            help="Processes that read images.",
            show_default="by the number of cores",
        ),
    ] = None,
    skip_unreadable: SkipUnreadableOption = False,
    export: Annotated[
        bool,
        typer.Option("--export", help="Write float32 and int8 files at the end, and measure them."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Train a network on labelled images, and report how good it is."""
    del debug  # one_line_errors reads it
    if show:
        _show(recipe, start)
        return
    if data is None:
        raise typer.BadParameter("give a folder of images or shards", param_hint="DATA")
    from micronet_edge.settings import TrainSettings
    from micronet_edge.training.run import train as run
    from micronet_edge.training.summary import summary

    settings = TrainSettings(
        variant=variant,
        start=start,
        keep_head=keep_head,
        validation=validation,
        recipe=recipe,
        input_size=input_size,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        teacher=teacher,
        output=output,
        resume=resume,
        overwrite=overwrite,
        seed=seed,
        device=device,
        workers=workers,
        skip_unreadable=skip_unreadable,
        export=export,
    )
    with watching() as progress:
        if progress.leads:
            say_what_runs(teacher)
        trained = run(data, settings=settings, observer=progress)
    if not progress.leads:
        return
    if as_json:
        say_json(summary(trained))
    else:
        print_results(trained, data)


def _show(recipe: str | None, start: Path | None) -> None:
    from micronet_edge.training.recipe_files import default_recipe
    from micronet_edge.training.shown_recipe import shown_recipe

    for line in shown_recipe(recipe or default_recipe(start)).splitlines():
        say(line)
