"""How to export, as one frozen object."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_FORMATS = ("onnx", "tflite")


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """How to export; None leaves a setting to the checkpoint, or to ImageNet's where there is none.

    `batch` None writes files that take any number of images. `labels` is a file of one label a line.
    """

    formats: tuple[str, ...] = DEFAULT_FORMATS
    output: Path | str = Path()
    num_classes: int | None = None
    input_size: int | None = None
    labels: Path | str | None = None
    batch: int | None = 1
    naive: bool = False
    portable: bool = False
    overwrite: bool = False
