"""How to read a checkpoint, export and quantize, as frozen objects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Protocol

DEFAULT_FORMATS = ("onnx", "tflite")

Runtime = Literal["default", "micro"]
"""Which of a format's runtimes a file is for: its usual one, or TensorFlow Lite Micro."""


Pixels = Literal["normalized", "unit", "raw"]
"""What the numbers of an image are: normalized by mean and deviation, or pixels of 0 to 1, or of 0 to 255.

Where a file takes integers, raw ones are the pixel itself: uint8, or int8 after 128 is taken away.
"""

Scores = Literal["logits", "softmax"]
"""What a classifier gives: logits, or probabilities."""

InputShapes = Mapping[str, tuple[int, ...]] | tuple[tuple[int, ...], ...]
"""The shape of one sample of each input, without the batch: by name, or in the order of the arguments."""


class Format(Protocol):
    """A target object, given instead of a target's name: the attributes that settings read."""

    name: str
    suffix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSettings:
    """Preprocessing, labels and weights that a checkpoint does not state, or that replace what it states.

    None takes the checkpoint's setting, or ImageNet's if it has none.

    Attributes:
        num_classes: number of classes.
        input_size: side of the square input image, in pixels.
        input_shapes: shape of each input without the batch, (channels, height, width) for an image. One or
            three channels are an image; others, several inputs and other ranks are arrays.
        outputs: names of the outputs to write; none writes all.
        resize: height of the image before the crop, in pixels; for a square crop its short side.
        crop: height of the input divided by `resize`, which it replaces.
        interpolation: how images are resized.
        mean: mean of the pixels, scaled to 0..1, in the order of `color_order`.
        std: standard deviation of the pixels, scaled to 0..1, in the order of `color_order`.
        color_order: order of the colour channels; "GRAY" for grey images; "NONE" for an input that is no
            image although it has one or three channels.
        labels: text file with one label per line.
        weights: "ema" or "raw" for a checkpoint that holds both; for a factory, the file of weights to load.
    """

    num_classes: int | None = None
    input_size: int | None = None
    input_shapes: InputShapes = ()
    outputs: tuple[str, ...] = ()
    resize: int | None = None
    crop: float | None = None
    interpolation: Literal["bilinear", "bicubic"] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    color_order: Literal["RGB", "BGR", "GRAY", "NONE"] | None = None
    labels: Path | str | None = None
    weights: Path | str | None = None


def _unheard(_done: int, _total: int) -> None:
    """Progress that goes nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings(CheckpointSettings):
    """How to read a network and how to run it on labelled images.

    Attributes:
        processes: number of processes that work at a time; None chooses by the number of cores.
        kernels: "auto" uses the bundled fused kernels where available, "off" never.
        skip_unreadable: skips and counts unreadable images instead of refusing them.
        progress: called with the number of finished images and of all images.
    """

    processes: int | None = None
    kernels: Literal["auto", "off"] = "auto"
    skip_unreadable: bool = False
    progress: Callable[[int, int], None] = _unheard


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivitySettings:
    """How to analyze the sensitivity of a file's layers.

    Attributes:
        data: folder of labelled images to measure top-1 on.
        kernels: "auto" simulates the fused kernels where available, which quantize nothing inside an
            activation.
        skip_unreadable: skips and counts unreadable images instead of refusing them.
    """

    data: Path | str | None = None
    kernels: Literal["auto", "off"] = "auto"
    skip_unreadable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings(CheckpointSettings):
    """How to read a checkpoint and how to export it.

    Attributes:
        formats: names of installed targets, or target objects; None writes those of ONNX and TFLite that can
            be proven with what is installed.
        output: folder to write into.
        batch: images per inference; None writes files that take any number.
        naive: writes the network unchanged, as the usual converters do.
        portable: writes ONNX without Gather.
        fused: writes each activation as one ONNX node of the fused kernels.
        arduino: packs a C file as an Arduino library as well.
        overwrite: replaces existing files.
        precision: "float32", "float16", "int8" or "int8-a16".
        calibration: folder of images, or file of arrays, to calibrate an int8 file on.
        samples: folder of images, or file of arrays, to prove a float file on; None takes bundled
            photographs, or noise for a network that takes no images.
        skip_unreadable: skips and counts unreadable images instead of refusing them.
        io: type of the input: "float32", "uint8" pixels, or for int8 files "int8"; where a file computes in
            integers to its end, of its output as well.
        pixels: the numbers that a float32 input takes.
        scores: what a classifier gives.
        layout: order of an ONNX file's input; None is NCHW for ONNX, and NHWC for all others.
        tuning: file of operator costs that `tune` wrote; None takes the bundled costs.
        sram: bytes that the arena of a C file may take; None sets no limit.
        weights_section: section of the object file that a C file's weights go to; None leaves it to the
            compiler.
        runtime: "micro" writes TFLite files for TensorFlow Lite Micro.
        unproven: writes C files where no compiler can prove them.
    """

    formats: tuple[str | Format, ...] | None = None
    output: Path | str = Path()
    batch: int | None = 1
    naive: bool = False
    portable: bool = False
    fused: bool = False
    arduino: bool = False
    overwrite: bool = False
    precision: str = "float32"
    calibration: Path | str | None = None
    samples: Path | str | None = None
    skip_unreadable: bool = False
    io: str = "float32"
    pixels: Pixels = "normalized"
    scores: Scores = "logits"
    layout: Literal["nchw", "nhwc"] | None = None
    tuning: Path | str | None = None
    sram: int | None = None
    weights_section: str | None = None
    runtime: Runtime = "default"
    unproven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeSettings(ExportSettings):
    """How to export integer files and how to quantize.

    Attributes:
        recipe: recipe of an earlier run to quantize by, instead of calibration.
        finetune: folder of labelled images to fine-tune on.
        data: folder of labelled images to measure `max_drop` on.
        max_drop: largest accepted loss of top-1 on `data`, in points.
    """

    precision: str = "int8"
    recipe: Path | str | None = None
    finetune: Path | str | None = None
    data: Path | str | None = None
    max_drop: float | None = None

    @classmethod
    def of(cls, settings: ExportSettings) -> "QuantizeSettings":
        """The same settings, with the defaults for all others."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(settings)})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """How to train a network on labelled images.

    None takes the recipe's value, or the checkpoint's.

    Attributes:
        variant: m0 to m3; None takes the checkpoint's, or m0.
        start: checkpoint to start from; None starts from random weights.
        keep_head: keeps the checkpoint's classes; its labels must then be those of the images.
        validation: folder or shards of validation images; None splits the training images.
        recipe: name of a recipe of the package, or a TOML file.
        input_size: side of the images, in pixels.
        epochs: passes over the training images.
        batch_size: images a step, over all processes.
        lr: learning rate, as it is used: not scaled by the batch.
        teacher: checkpoint or factory of a network to distil from.
        output: folder to write into; None names it after the variant and the images.
        resume: goes on with the run in the output folder.
        overwrite: replaces an earlier run in the output folder.
        seed: of weights, order and augmentation.
        device: "auto", "cpu" or "cuda".
        workers: processes that read images; None chooses by the number of cores.
        skip_unreadable: skips and counts unreadable images instead of refusing them.
        export: quantizes and measures the network at the end.
    """

    variant: str | None = None
    start: Path | str | None = None
    keep_head: bool = False
    validation: Path | str | None = None
    recipe: Path | str | None = None
    input_size: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    teacher: object = None
    output: Path | str | None = None
    resume: bool = False
    overwrite: bool = False
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int | None = None
    skip_unreadable: bool = False
    export: bool = False
