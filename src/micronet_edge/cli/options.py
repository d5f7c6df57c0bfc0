"""Options that several commands have."""

import os
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

KernelsOption = Annotated[
    Literal["auto", "off"],
    typer.Option(help="Our fused kernels where they are at hand, or the runtime's own alone."),
]

OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]

DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

SkipUnreadableOption = Annotated[
    bool, typer.Option("--skip-unreadable", help="Leave out and count files that are no images.")
]

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


def weights_named(text: str) -> str:
    """One of a checkpoint's two sets, or a file of weights."""
    if text in {"ema", "raw"} or os.path.lexists(text) or Path(text).suffix:
        return text
    raise typer.BadParameter(f"{text!r}: give ema or raw, or the file of a factory's weights")


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
    str | None,
    typer.Option(
        parser=weights_named,
        metavar="ema|raw|FILE",
        help="Of a checkpoint that holds both averaged and raw weights: which; averaged where nothing says. "
        "Of a factory: the file to load into its network.",
        rich_help_panel=_PANEL,
    ),
]
FactoryWeightsOption = Annotated[
    Path | None,
    typer.Option("--weights", metavar="FILE", help="With a factory: the weights to load into its network."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What a checkpoint does not say of itself, or is to be taken otherwise than it says."""

    input_size: InputSizeOption = None
    resize: ResizeOption = None
    crop: CropOption = None
    interpolation: InterpolationOption = None
    mean: MeanOption = None
    std: StdOption = None
    color_order: ColorOrderOption = None
    labels: LabelsOption = None
    weights: WeightsOption = None

    def settings(self) -> dict[str, Any]:
        """As settings take them."""
        return _as_given(self) | {
            "mean": three_numbers(self.mean, "--mean"),
            "std": three_numbers(self.std, "--std"),
            "color_order": color_name(self.color_order),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """What is written, where and for whom."""

    formats: Annotated[
        list[str] | None, typer.Option("--format", help="onnx or tflite; may be repeated. Default: both.")
    ] = None
    output: Annotated[Path, typer.Option(help="Folder for the files.")] = Path()
    calibration: Annotated[
        Path | None,
        typer.Option(help="Images to find an int8 file's ranges on, about 200: a folder, .npy or .npz."),
    ] = None
    skip_unreadable: SkipUnreadableOption = False
    portable: Annotated[
        bool, typer.Option("--portable", help="ONNX without Gather, for runtimes other than ONNX Runtime.")
    ] = False
    fused: Annotated[
        bool,
        typer.Option(
            "--fused", help="ONNX with a node for each activation, for apps that register our kernels."
        ),
    ] = False
    tuning: Annotated[
        Path | None, typer.Option(help="Choose operators by this table, which `tune` wrote for a device.")
    ] = None
    overwrite: OverwriteOption = False

    def settings(self) -> dict[str, Any]:
        """As settings take them."""
        from micronet_edge.settings import DEFAULT_FORMATS

        return _as_given(self) | {"formats": tuple(self.formats or DEFAULT_FORMATS)}


def _as_given(options: NetworkOptions | FileOptions) -> dict[str, Any]:
    return {each.name: getattr(options, each.name) for each in fields(options)}


def color_name(order: Literal["rgb", "bgr"] | None) -> Literal["RGB", "BGR"] | None:
    """The order as the preprocessing calls it."""
    return None if order is None else "RGB" if order == "rgb" else "BGR"
