"""Options that several commands share."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KernelsOption = Annotated[
    Literal["auto", "off"],
    typer.Option(help="auto uses the bundled fused kernels where available; off, the runtime's own."),
]

OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]

DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

SkipUnreadableOption = Annotated[
    bool, typer.Option("--skip-unreadable", help="Skip and count files that are not readable images.")
]

# --- How to read a checkpoint: what it does not state itself


def whole_number(text: str) -> int:
    """Parses a whole number; typer's own parser would accept 32.0 as well."""
    if re.fullmatch(r"[+-]?[0-9]{1,1000}", text.strip()) is None:
        raise typer.BadParameter(f"{text!r}: give a whole number")
    return int(text)


_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}


def memory_size(text: str) -> int:
    """Parses a size of memory: bytes, or with k or M for units of 1,024 or 1,048,576."""
    found = re.fullmatch(r"([0-9]{1,15})(?i:(k|m)?b?)", text.strip())
    if found is None or not int(found[1]):
        raise typer.BadParameter(f"{text!r}: give bytes, or a number with k or M, such as 256k")
    return int(found[1]) * _UNITS[(found[2] or "").lower()]


def three_numbers(text: str | None, option: str) -> tuple[float, float, float] | None:
    """Parses one number for all colours, or three with commas or spaces; None stays None."""
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


def input_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]] | tuple[tuple[int, ...], ...]:
    """Parses shapes of inputs, C,H,W or NAME=C,H,W each: by name, or in order."""
    parts = [text.rpartition("=") for text in texts]
    shapes = [_lengths(text, numbers) for text, (_, _, numbers) in zip(texts, parts, strict=True)]
    names = [name for name, equals, _ in parts if equals]
    if len(names) not in {0, len(texts)} or len(set(names)) < len(names) or not all(names):
        raise typer.BadParameter(
            f"{' '.join(texts)}: name every input, each once, or none", param_hint="--input-shape"
        )
    return dict(zip(names, shapes, strict=True)) if names else tuple(shapes)


def _lengths(text: str, numbers: str) -> tuple[int, ...]:
    if re.fullmatch(r"[0-9]{1,9}([,x ][0-9]{1,9})*", numbers.strip()) is None:
        raise typer.BadParameter(
            f"{text!r}: give whole numbers without the batch, such as 3,192,256, or NAME=16,64",
            param_hint="--input-shape",
        )
    return tuple(map(int, re.split(r"[,x ]", numbers.strip())))


def output_names(text: str | None) -> tuple[str, ...]:
    """Parses names of outputs with commas between them."""
    if text is None:
        return ()
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise typer.BadParameter(f"{text!r}: give NAME, or NAME,NAME", param_hint="--outputs")
    return names


def weights_named(text: str) -> str:
    """Parses the name of one of a checkpoint's two sets of weights, or a file of weights."""
    if text in {"ema", "raw"} or os.path.lexists(text) or Path(text).suffix:
        return text
    raise typer.BadParameter(f"{text!r}: give ema, raw or a file with weights for the factory's network")


_PANEL = "Preprocessing and labels, where the checkpoint does not state them"

NumClassesOption = Annotated[
    int | None,
    typer.Option(
        parser=whole_number,
        metavar="N",
        help="Number of classes.",
        show_default="the checkpoint's, else 1000",
    ),
]
InputSizeOption = Annotated[
    int | None,
    typer.Option(
        parser=whole_number,
        metavar="PIXELS",
        help="Side of the square input image.",
        show_default="the checkpoint's, else 224",
        rich_help_panel=_PANEL,
    ),
]
InputShapeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape",
        metavar="[NAME=]C,H,W",
        help="Shape of an input without the batch, of any rank; once for each input. One or three channels "
        "are an image.",
        show_default="a square image",
        rich_help_panel=_PANEL,
    ),
]
OutputsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[,NAME]",
        help="Outputs of the network to write: keys of a dict, or output0, output1 and so on.",
        show_default="all",
        rich_help_panel=_PANEL,
    ),
]
ResizeOption = Annotated[
    int | None,
    typer.Option(
        parser=whole_number,
        metavar="PIXELS",
        help="Length of the short side before the crop; for a crop that is not square, its height.",
        show_default="the checkpoint's, else input size / 0.875",
        rich_help_panel=_PANEL,
    ),
]
CropOption = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Input height divided by --resize, as timm's crop_pct; replaces it.",
        rich_help_panel=_PANEL,
    ),
]
InterpolationOption = Annotated[
    Literal["bilinear", "bicubic"] | None,
    typer.Option(
        help="Interpolation when images are resized.",
        show_default="the checkpoint's, else bilinear",
        rich_help_panel=_PANEL,
    ),
]
MeanOption = Annotated[
    str | None,
    typer.Option(
        metavar="M[,M,M]",
        help="Mean of the pixels, scaled to 0..1.",
        show_default="the checkpoint's, else ImageNet's",
        rich_help_panel=_PANEL,
    ),
]
StdOption = Annotated[
    str | None,
    typer.Option(
        metavar="S[,S,S]",
        help="Standard deviation of the pixels, scaled to 0..1.",
        show_default="the checkpoint's, else ImageNet's",
        rich_help_panel=_PANEL,
    ),
]
ColorOrderOption = Annotated[
    Literal["rgb", "bgr", "gray", "none"] | None,
    typer.Option(
        case_sensitive=False,
        help="Order of the colour channels; none for an input that is no image.",
        show_default="the checkpoint's, else rgb or gray",
        rich_help_panel=_PANEL,
    ),
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Text file with one label per line, in class order.",
        show_default="the checkpoint's",
        rich_help_panel=_PANEL,
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        parser=weights_named,
        metavar="ema|raw|FILE",
        help="Checkpoint: averaged (ema) or raw weights, if it holds both. "
        "Factory: file of weights for its network.",
        show_default="ema",
        rich_help_panel=_PANEL,
    ),
]
FactoryWeightsOption = Annotated[
    Path | None,
    typer.Option("--weights", metavar="FILE", help="Factory: file of weights for its network."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """Settings that a checkpoint does not state, or that replace what it states."""

    input_size: InputSizeOption = None
    input_shape: InputShapeOption = None
    outputs: OutputsOption = None
    resize: ResizeOption = None
    crop: CropOption = None
    interpolation: InterpolationOption = None
    mean: MeanOption = None
    std: StdOption = None
    color_order: ColorOrderOption = None
    labels: LabelsOption = None
    weights: WeightsOption = None

    def settings(self) -> dict[str, Any]:
        """The keyword arguments for the settings."""
        given = as_given(self)
        return given | {
            "input_shapes": input_shapes(given.pop("input_shape") or ()),
            "outputs": output_names(self.outputs),
            "mean": three_numbers(self.mean, "--mean"),
            "std": three_numbers(self.std, "--std"),
            "color_order": None if self.color_order is None else self.color_order.upper(),
        }


def as_given(options: "DataclassInstance") -> dict[str, Any]:
    """The fields of a dataclass of options, as they are."""
    return {each.name: getattr(options, each.name) for each in fields(options)}
