"""How to export, as one frozen object."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_FORMATS = ("onnx", "tflite")


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """How to export; None leaves a setting to the checkpoint, or to ImageNet's where there is none.

    `batch` None writes files that take any number of images. `labels` is a file of one label a line.
    A `precision` of int8 needs a `calibration`: a folder of images, or a file of arrays; `io` is what an
    int8 file takes and gives. `tuning` is a file that `tune` wrote for the device; None is our own.
    """

    formats: tuple[str, ...] = DEFAULT_FORMATS
    output: Path | str = Path()
    num_classes: int | None = None
    input_size: int | None = None
    labels: Path | str | None = None
    batch: int | None = 1
    naive: bool = False
    portable: bool = False
    fused: bool = False
    overwrite: bool = False
    precision: str = "float32"
    calibration: Path | str | None = None
    skip_unreadable: bool = False
    io: str = "float32"
    tuning: Path | str | None = None


@dataclass(frozen=True, slots=True)
class QuantizeSettings:
    """How to quantize, beyond how to export.

    `recipe` is one to quantize by, in the place of calibration. `finetune` and `data` are folders of
    labelled images: to fine-tune on, and to measure on. `max_drop` is in points of top-1 on `data`.
    """

    recipe: Path | str | None = None
    finetune: Path | str | None = None
    data: Path | str | None = None
    max_drop: float | None = None
