"""`micronet-edge predict`: what a file says of images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.foreign_options import ForeignOptions
from micronet_edge.cli.options import DebugOption, KernelsOption, OverwriteOption, SkipUnreadableOption
from micronet_edge.cli.progress import say_what_was_read, waiting
from micronet_edge.cli.shared_options import with_shared_options
from micronet_edge.util.terminal import open_console, say, say_json
from micronet_edge.util.text import plural

if TYPE_CHECKING:
    from micronet_edge.classification.predict import Prediction, Predictions

_WIDTH, _NAME_WIDTH = 79, 30


@one_line_errors
@with_shared_options
def predict(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An ONNX, TFLite or C file.")],
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE|DIR|CAMERA",
            help="Images, folders of images, - for an image on standard input, or /dev/videoN for a frame of "
            "a camera (needs ffmpeg).",
        ),
    ],
    *,
    top: Annotated[int, typer.Option(help="Number of classes to show for each image.")] = 5,
    show: Annotated[
        Path | None,
        typer.Option(metavar="PAGE", help="Web page to write: the images with their scores, mistakes first."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads that the runtime uses.")] = 1,
    kernels: KernelsOption = "auto",
    skip_unreadable: SkipUnreadableOption = False,
    overwrite: OverwriteOption = False,
    foreign: ForeignOptions,
    scores: Annotated[
        Literal["logits", "softmax"] | None,
        typer.Option(
            help="What the file gives: logits, or probabilities.",
            show_default="logits",
            rich_help_panel="For files of other tools (--labels for any)",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Classify images, folders of images or a camera's frame with a file."""
    del debug  # one_line_errors reads it
    from micronet_edge.classification.predict import PredictSettings
    from micronet_edge.classification.predict import predict as run
    from micronet_edge.settings import CheckpointSettings
    from micronet_edge.targets.isolation import expect
    from micronet_edge.util.output_files import check_reports

    check_reports({"--show": show}, inputs=[file, *map(Path, images)], overwrite=overwrite)
    expect(file)
    settings = PredictSettings(
        top=top,
        threads=threads,
        kernels=kernels,
        skip_unreadable=skip_unreadable,
        described=CheckpointSettings(**foreign.settings()),
        scores=scores,
    )
    many = len(images) > 1 or Path(images[0]).is_dir()

    def report(found: "Prediction") -> None:
        if not as_json:
            stop()
            for line in [_line(found)] if many else _lines(found):
                say(line)

    with waiting("classifying") as stop:
        found = run(file, images, settings, report)
    _say_rest(found, as_json=as_json)
    if show is not None:
        from micronet_edge.reports.predictions_page import write_page

        write_page(found, show, overwrite=overwrite)


def _say_rest(found: "Predictions", *, as_json: bool) -> None:
    """What is known of all images together, and what was assumed of the file."""
    if as_json:
        say_json(found.summary())
    elif labelled := len(found.labelled):
        share = f"{found.right / labelled:.2%}"
        say(f"{found.right:,} of {plural(labelled, 'image')} in the folder of their class: {share}")
    notes = [*found.described.notes]
    if found.skipped:
        notes.append(f"skipped because they are not readable images: {plural(found.skipped, 'file')}")
    if notes or found.described.assumption is not None:
        say_what_was_read(open_console(err=True), found.described.assumption, notes)


def _lines(found: "Prediction") -> list[str]:
    """One image: its classes below each other."""
    return [f"{each.score:7.2%}  {each.label}" for each in found.classes]


def _line(found: "Prediction") -> str:
    """One image of many: its name and as many of its classes as fit."""
    name, label = found.picture.name, found.picture.label
    shown = name if len(name) <= _NAME_WIDTH else f"...{name[3 - _NAME_WIDTH :]}"
    line = f"{shown:{_NAME_WIDTH}}  "
    told = f" (in folder {label})" if found.is_wrong else ""
    for place, each in enumerate(found.classes):
        part = f"{each.label} {each.score:.1%}{'' if place else told}"
        if place and len(line) + len(part) + 2 > _WIDTH:
            break
        line += f"{', ' if place else ''}{part}"
    return line
