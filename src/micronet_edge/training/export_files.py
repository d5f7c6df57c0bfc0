"""Exports a trained network as files for other runtimes, and measures each on the validation images."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Int64

from micronet_edge.data.image_folders import MINIMUM_CALIBRATION
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import MicronetEdgeError
from micronet_edge.evaluation.networks import open_network
from micronet_edge.pipeline.artifacts import Exported
from micronet_edge.pipeline.run import export, quantize
from micronet_edge.reports.model_card import MeasuredAccuracy, with_accuracy
from micronet_edge.settings import DEFAULT_FORMATS, ExportSettings, QuantizeSettings
from micronet_edge.targets.registry import find_target, load_runtimes, target_of
from micronet_edge.training.decode import validation_array
from micronet_edge.training.events import Fitted, TrainedFile
from micronet_edge.training.images import ImageSet
from micronet_edge.training.outcomes import accuracy
from micronet_edge.util.latency import latency_ms
from micronet_edge.util.output_files import write_bytes, write_text
from micronet_edge.util.statistics import wilson_interval
from micronet_edge.util.text import plural
from micronet_edge.util.threads import one_thread

PYTORCH = "pytorch"
_CALIBRATION_IMAGES = 256
_PORTION = 32
_FLOAT32 = "float32"

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Measured:
    """A file's right validation images, and its latency."""

    right: int
    latency_ms: float


def check_exportable(report: Report) -> None:
    """Reports which format's packages are not installed; call it before training.

    Raises TargetError if those of no format are.
    """
    load_runtimes([find_target(name) for name in DEFAULT_FORMATS], report)


def export_files(fitted: Fitted, folder: Path, report: Report) -> tuple[TrainedFile, ...]:
    """Writes the checkpoint as float32 and int8 files of both formats into the folder.

    int8 is calibrated on training images of all classes. With too few training images there are only float32
    files, and a line of the report says so.

    Args:
        fitted: the run.
        folder: where the files go; files of the same names are replaced.
        report: called with each step as it begins.

    Returns:
        The checkpoint itself and each file, with its accuracy on all validation images and its latency.

    Raises:
        MicronetEdgeError: a file cannot be written or proven.
    """
    try:
        settings = ExportSettings(output=folder, overwrite=True)
        files = list(export(fitted.checkpoint, settings=settings, report=report))
        files += _integer_files(fitted, folder, report)
    except MicronetEdgeError as error:
        raise type(error)(
            f"{fitted.checkpoint} is trained, but its files cannot be written: {error}"
        ) from error
    report(f"measuring {plural(len(files), 'file')} on the validation images")
    measured = _measure(fitted, [file.path for file in files])
    rows = [_row(file, found, fitted) for file, found in zip(files, measured, strict=True)]
    for file, row in zip(files, rows, strict=True):
        _state_accuracy(file.card, row, fitted)
    return (_checkpoint_row(fitted), *rows)


def _integer_files(fitted: Fitted, folder: Path, report: Report) -> tuple[Exported, ...]:
    images = fitted.plan.dataset.train
    if images.count < MINIMUM_CALIBRATION:
        report(
            f"no int8 files: {plural(images.count, 'training image')} are too few to calibrate on, at least "
            f"{MINIMUM_CALIBRATION} are needed"
        )
        return ()
    with TemporaryDirectory(prefix="micronet-edge-") as temporary:
        calibration = Path(temporary)
        for number, index in enumerate(spread(images, _CALIBRATION_IMAGES)):
            place = calibration / f"{number:04d}{_suffix(images.store.name(index))}"
            write_bytes(images.store.read(index), place, overwrite=False)
        settings = QuantizeSettings(output=folder, calibration=calibration, overwrite=True)
        artifacts = quantize(fitted.checkpoint, settings=settings, report=report)
    for note in artifacts.notes:
        report(note)
    return artifacts.files


def spread(images: ImageSet, most: int) -> tuple[int, ...]:
    """The numbers of at most so many images: as many of each class as there are, evenly spaced in it."""
    classes = np.asarray(images.classes, np.int64)
    members = [np.flatnonzero(classes == number) for number in np.unique(classes)]
    chosen: list[int] = []
    for place, of_class in enumerate(sorted(members, key=len)):
        share = -(-(most - len(chosen)) // (len(members) - place))
        count = min(share, len(of_class), most - len(chosen))
        chosen += [int(each) for each in of_class[_evenly(count, len(of_class))]]
    return tuple(sorted(chosen))


def _evenly(count: int, of: int) -> Int64[np.ndarray, " count"]:
    return np.arange(count, dtype=np.int64) * of // max(count, 1)


def _suffix(name: str) -> str:
    """The suffix of an image's name, as far as it is a usual one."""
    suffix = Path(name).suffix.lower()
    return suffix if suffix in {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"} else ".image"


# --- Measuring


def _measure(fitted: Fitted, paths: Sequence[Path]) -> list[_Measured]:
    """Reads each validation image once and runs all files on it."""
    truth = np.asarray(fitted.plan.dataset.validation.classes, np.int64)
    right, times = np.zeros(len(paths), np.int64), []
    with one_thread():
        networks = [open_network(path) for path in paths]
        for start, images in _portions(fitted):
            expected = truth[start : start + len(images)]
            for number, network in enumerate(networks):
                right[number] += int((network.run(images).argmax(1) == expected).sum())
        size = fitted.plan.preprocessing.size
        nothing = np.zeros((1, 3, size, size), np.float32)
        times = [latency_ms(target_of(path).open(path).prepared(nothing)) for path in paths]
    return [_Measured(int(count), taken) for count, taken in zip(right, times, strict=True)]


def _portions(fitted: Fitted) -> Iterator[tuple[int, Images]]:
    store, preprocessing = fitted.plan.dataset.validation.store, fitted.plan.preprocessing
    for start in range(0, len(store), _PORTION):
        indices = range(start, min(start + _PORTION, len(store)))
        arrays = [validation_array(store.read(index), store.name(index), preprocessing) for index in indices]
        yield start, np.stack(arrays)


def _row(file: Exported, found: _Measured, fitted: Fitted) -> TrainedFile:
    images = fitted.plan.dataset.validation.count
    low, high = wilson_interval(found.right, images)
    return TrainedFile(
        path=file.path,
        format=file.format,
        precision=file.precision,
        size_bytes=file.size_bytes,
        top1=found.right / images,
        low=low,
        high=high,
        latency_ms=found.latency_ms,
    )


def _state_accuracy(card: Path, row: TrainedFile, fitted: Fitted) -> None:
    """Puts the accuracy into a file's card, which was written before it was measured."""
    dataset = fitted.plan.dataset
    name = Path(dataset.source).name
    found = MeasuredAccuracy(100 * row.top1, dataset.validation.count, name, "validation")
    write_text(with_accuracy(card.read_text(encoding="utf-8"), found), card, overwrite=True)


def _checkpoint_row(fitted: Fitted) -> TrainedFile:
    found, size = accuracy(fitted), fitted.plan.preprocessing.size
    network = open_network(fitted.checkpoint)
    return TrainedFile(
        path=fitted.checkpoint,
        format=PYTORCH,
        precision=_FLOAT32,
        size_bytes=fitted.checkpoint.stat().st_size,
        top1=found.share,
        low=found.low,
        high=found.high,
        latency_ms=latency_ms(partial(network.run, np.zeros((1, 3, size, size), np.float32))),
    )
