"""Options that several commands have."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

KernelsOption = Annotated[
    Literal["auto", "off"],
    typer.Option(help="Our fused kernels where they are at hand, or the runtime's own alone."),
]

OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]

# --- How to read a checkpoint: what it does not say of itself


def whole_number(text: str) -> int:
    """The number; typer by itself would take 32.0 as well."""
    if re.fullmatch(r"[+-]?[0-9]{1,1000}", text.strip()) is None:
        raise typer.BadParameter(f"{text!r}: give a whole number")
    return int(text)


def three_numbers(text: str | None, option: str) -> tuple[float, float, float] | None:
    """One number for all colours, or one for each, between commas or spaces; None for nothing."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in re.split(r"[\s,]+", text.strip())]
    except ValueError:
        numbers = []
    match numbers:
        case [one]:
            return one, one, one
        case [first, second, third]:
            return first, second, third
    raise typer.BadParameter(
        f"{text!r}: give one number, or three with commas: 0.485,0.456,0.406", param_hint=option
    )


_PANEL = "What the checkpoint does not say"

NumClassesOption = Annotated[
    int | None, typer.Option(parser=whole_number, metavar="N", help="Classes, where no checkpoint tells.")
]
InputSizeOption = Annotated[
    int | None,
    typer.Option(
        parser=whole_number,
        metavar="PIXELS",
        help="A multiple of 32; 224 where nothing says.",
        rich_help_panel=_PANEL,
    ),
]
ResizeOption = Annotated[
    int | None,
    typer.Option(
        parser=whole_number,
        metavar="PIXELS",
        help="The short side before the crop; input size / 0.875 where nothing says.",
        rich_help_panel=_PANEL,
    ),
]
CropOption = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Share of the short side that is kept, as timm's crop_pct; not with --resize.",
        rich_help_panel=_PANEL,
    ),
]
InterpolationOption = Annotated[
    Literal["bilinear", "bicubic"] | None,
    typer.Option(help="How images are resized.", rich_help_panel=_PANEL),
]
MeanOption = Annotated[
    str | None,
    typer.Option(
        metavar="M[,M,M]",
        help="Mean of pixels scaled to 0..1; ImageNet's where nothing says.",
        rich_help_panel=_PANEL,
    ),
]
StdOption = Annotated[
    str | None,
    typer.Option(
        metavar="S[,S,S]",
        help="Standard deviation of pixels scaled to 0..1.",
        rich_help_panel=_PANEL,
    ),
]
ColorOrderOption = Annotated[
    Literal["rgb", "bgr"] | None,
    typer.Option(case_sensitive=False, help="Order of the colours.", rich_help_panel=_PANEL),
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Text file, one label a line, in the order of the classes.",
        rich_help_panel=_PANEL,
    ),
]
WeightsOption = Annotated[
    Literal["ema", "raw"] | None,
    typer.Option(
        help="Averaged or raw weights, where a checkpoint holds both; averaged where nothing says.",
        rich_help_panel=_PANEL,
    ),
]


def color_name(order: Literal["rgb", "bgr"] | None) -> Literal["RGB", "BGR"] | None:
    """The order as the preprocessing calls it."""
    return None if order is None else "RGB" if order == "rgb" else "BGR"
