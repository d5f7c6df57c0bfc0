"""Options about the files to write, which `export` and `quantize` share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from micronet_edge.cli.options import OverwriteOption, SkipUnreadableOption, as_given, memory_size
from micronet_edge.settings import Pixels, Scores

_ENDS = "Input and output of the files"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Which files are written, and where."""

    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="onnx, tflite or c; may be repeated.",
            show_default="onnx and tflite, as far as their runtimes are installed",
        ),
    ] = None
    output: Annotated[Path, typer.Option(help="Folder to write the files into.")] = Path()
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="About 200 images to calibrate int8 files on: a folder, .npy or .npz; arrays for other "
            "inputs.",
        ),
    ] = None
    samples: Annotated[
        Path | None,
        typer.Option(
            help="Images or arrays to prove float files on: a folder, .npy, or .npz with an array per input.",
            show_default="bundled photographs; noise for inputs that are no images",
        ),
    ] = None
    skip_unreadable: SkipUnreadableOption = False
    portable: Annotated[
        bool,
        typer.Option("--portable", help="Write ONNX without Gather, for runtimes other than ONNX Runtime."),
    ] = False
    fused: Annotated[
        bool,
        typer.Option(
            "--fused",
            help="Write each activation as one ONNX node, for apps that register the fused kernels.",
        ),
    ] = False
    arduino: Annotated[
        bool, typer.Option("--arduino", help="Pack a C file as an Arduino library (zip) as well.")
    ] = False
    tuning: Annotated[
        Path | None,
        typer.Option(
            help="Operator costs that `tune` measured on a device.", show_default="the bundled costs"
        ),
    ] = None
    io: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Type of the input: float32, uint8 (pixels), or int8 (pixels less 128; int8 files). Files "
            "that compute in integers give the same type.",
            show_default="float32; C files: int8",
            rich_help_panel=_ENDS,
        ),
    ] = "float32"
    pixels: Annotated[
        Pixels,
        typer.Option(
            help="Numbers of a float32 input: normalized by mean and deviation; pixels of 0 to 1 (unit), or "
            "of 0 to 255 (raw), normalized inside the file.",
            rich_help_panel=_ENDS,
        ),
    ] = "normalized"
    scores: Annotated[
        Scores,
        typer.Option(help="What a classifier gives: logits, or probabilities.", rich_help_panel=_ENDS),
    ] = "logits"
    layout: Annotated[
        Literal["nchw", "nhwc"] | None,
        typer.Option(help="Order of an ONNX file's input.", show_default="nchw", rich_help_panel=_ENDS),
    ] = None
    sram: Annotated[
        int | None,
        typer.Option(
            parser=memory_size, metavar="SIZE", help="C files: most memory for the arena, such as 64k."
        ),
    ] = None
    weights_section: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="C files: section for the weights, such as .rodata_ext."),
    ] = None
    runtime: Annotated[
        Literal["default", "micro"],
        typer.Option(
            "--for",
            help="micro writes TFLite int8 files that TensorFlow Lite Micro runs fast.",
        ),
    ] = "default"
    unproven: Annotated[
        bool,
        typer.Option(
            "--unproven", help="Write C files where no C compiler can prove them; verify proves them later."
        ),
    ] = False
    overwrite: OverwriteOption = False

    def settings(self) -> dict[str, Any]:
        """The keyword arguments for the settings."""
        return as_given(self) | {"formats": tuple(self.formats) if self.formats else None}
