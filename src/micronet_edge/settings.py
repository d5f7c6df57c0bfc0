"""How to read a checkpoint, export and quantize, as frozen objects."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Protocol

DEFAULT_FORMATS = ("onnx", "tflite")


class Format(Protocol):
    """A target in person, in the place of its name: as much of it as settings know."""

    name: str
    suffix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSettings:
    """What a checkpoint does not say of itself, or is to be taken otherwise than it says.

    None leaves a setting to the checkpoint, or to ImageNet's where it says nothing. `input_size` and
    `resize` (of the short side) in pixels; `crop` is the share of the resized short side that is kept, in the
    place of `resize`; `mean` and `std` are for pixels scaled to 0..1, in the order of `color_order`.
    `labels` is a file of one label a line. `weights` says which to take where a checkpoint holds both
    averaged (ema) and raw ones; for a factory it is the file to load into the network.
    """

    num_classes: int | None = None
    input_size: int | None = None
    resize: int | None = None
    crop: float | None = None
    interpolation: Literal["bilinear", "bicubic"] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    color_order: Literal["RGB", "BGR"] | None = None
    labels: Path | str | None = None
    weights: Path | str | None = None


def _unheard(_done: int, _total: int) -> None:
    """Progress that nobody asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings(CheckpointSettings):
    """How to read a network, and how to run it on labelled images.

    `processes` may work at a time (None: as many as help); `kernels` says whether our own run where they are
    at hand; images that cannot be read are counted with `skip_unreadable`, else refused; `progress` is told
    how many of how many images are done.
    """

    processes: int | None = None
    kernels: Literal["auto", "off"] = "auto"
    skip_unreadable: bool = False
    progress: Callable[[int, int], None] = _unheard


@dataclass(frozen=True, slots=True, kw_only=True)
class BlameSettings:
    """What else to look at: `data` is a folder of labelled images; with `kernels` ours round nothing inside.

    Images that cannot be read are counted with `skip_unreadable`, else refused.
    """

    data: Path | str | None = None
    kernels: Literal["auto", "off"] = "auto"
    skip_unreadable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings(CheckpointSettings):
    """How to read a checkpoint, and how to export it.

    `formats` are names of installed targets, or targets of one's own.
    `batch` None writes files that take any number of images.
    A `precision` of int8 needs a `calibration`: a folder of images, or a file of arrays; `io` is what an
    int8 file takes and gives. `tuning` is a file that `tune` wrote for the device; None is our own.
    """

    formats: tuple[str | Format, ...] = DEFAULT_FORMATS
    output: Path | str = Path()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeSettings(ExportSettings):
    """How to export as integer files, and how to quantize.

    `recipe` is one to quantize by, in the place of calibration. `finetune` and `data` are folders of
    labelled images: to fine-tune on, and to measure on. `max_drop` is in points of top-1 on `data`.
    """

    precision: str = "int8"
    recipe: Path | str | None = None
    finetune: Path | str | None = None
    data: Path | str | None = None
    max_drop: float | None = None

    @classmethod
    def of(cls, settings: ExportSettings) -> "QuantizeSettings":
        """The same settings, with nothing said of what they do not hold."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(settings)})
