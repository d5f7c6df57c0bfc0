"""What every export has in common, float or integer: what is to be written, and what was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from micronet_edge.calibration_notes import class_notes
from micronet_edge.errors import SettingsError
from micronet_edge.image_folders import CalibrationImages, read_calibration
from micronet_edge.limits import BATCH
from micronet_edge.lowering.tuning import SHIPPED, read_tuning
from micronet_edge.manifest import manifest_path
from micronet_edge.models import FAMILY
from micronet_edge.settings import ExportSettings
from micronet_edge.source import Source, random_stem
from micronet_edge.staging import check_output
from micronet_edge.targets import FLOAT32, ExportSpec, Target
from micronet_edge.verification import Proof

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """One proven file, with its manifest beside it.

    `assumption` is what the checkpoint does not say and was assumed, in one line; `notes` say what was taken
    out of it, and what a person should know of its labels.
    """

    path: Path
    manifest: Path
    format: str
    precision: str
    size_bytes: int
    random_weights: bool
    proof: Proof
    assumption: str | None = None
    notes: tuple[str, ...] = ()


def exported(
    origin: Source, target: Target, spec: ExportSpec, path: Path, output: Path, proof: Proof
) -> Exported:
    """What was written, told of where it will lie."""
    return Exported(
        path=output / path.name,
        manifest=output / manifest_path(path).name,
        format=target.name,
        precision=spec.precision,
        size_bytes=path.stat().st_size,
        random_weights=origin.checkpoint is None,
        proof=proof,
        assumption=origin.assumption,
        notes=origin.notes,
    )


def export_spec(origin: Source, settings: ExportSettings) -> ExportSpec:
    """What to write of the network, in every format alike.

    Raises SettingsError on a tuning that cannot be read.
    """
    return ExportSpec(
        input_size=origin.metadata.preprocessing.size,
        batch=settings.batch,
        naive=settings.naive,
        portable=settings.portable,
        metadata=replace(
            origin.metadata, naive=settings.naive, portable=settings.portable, precision=settings.precision
        ),
        precision=settings.precision,
        io=settings.io,
        fused=settings.fused,
        tuning=SHIPPED if settings.tuning is None else read_tuning(settings.tuning),
    )


def file_stem(origin: Source, settings: ExportSettings) -> str:
    """The name of every file that is written, without what the format adds.

    Files that take and give other numbers have other names: one cannot replace the other in an app.
    """
    return _with_settings(origin.stem, settings)


def _with_settings(stem: str, settings: ExportSettings) -> str:
    naive, io = ["naive"] if settings.naive else [], [] if settings.io == FLOAT32 else ["io", settings.io]
    return "-".join([stem, *naive, settings.precision, *io])


def check_first(
    source: str | Path, checkpoint: str | Path | None, settings: ExportSettings, suffixes: Sequence[str]
) -> None:
    """What is checked before the network is read.

    Raises SettingsError on a batch out of range and a name that is not UTF-8, OutputError on a place that
    cannot take the files.
    """
    if settings.batch is not None:
        BATCH.check(settings.batch)
    random = checkpoint is None and str(source) in FAMILY
    own = random_stem(str(source)) if random else Path(checkpoint or source).stem
    if any("\ud800" <= letter <= "\udfff" for letter in own):  # LiteRT takes names in UTF-8 alone
        raise SettingsError(f"{checkpoint or source} has a name that is not UTF-8: rename it")
    names = [_with_settings(own, settings) + suffix for suffix in suffixes]
    names += [manifest_path(Path(name)).name for name in names if not name.endswith(".json")]
    check_output(Path(settings.output), names, overwrite=settings.overwrite)


def inputs_of(origin: Source, settings: ExportSettings) -> list[Path]:
    """The files that are read, which no file may replace."""
    given = (origin.checkpoint, settings.labels, settings.calibration, settings.tuning)
    return [Path(path) for path in given if path is not None]


def manifest_settings(spec: ExportSpec) -> dict[str, object]:
    """The settings as a manifest tells them."""
    return {
        "input_size": spec.input_size,
        "batch": "dynamic" if spec.batch is None else spec.batch,
        "precision": spec.precision,
        "io": spec.io,
        "naive": spec.naive,
        "portable": spec.portable,
        "fused": spec.fused,
        "tuning": spec.tuning.machine,
    }


def calibration_images(origin: Source, settings: ExportSettings) -> CalibrationImages:
    """The images to calibrate on.

    Raises SettingsError where none are given, or they will not do.
    """
    if settings.calibration is None:
        raise SettingsError(
            f"precision {settings.precision} needs images like those the network will see: give "
            "--calibration DIR, a folder with about 200 of them; random or default ones would spoil it"
        )
    folder = Path(settings.calibration)
    images = read_calibration(folder, origin.metadata.preprocessing, skip_unreadable=settings.skip_unreadable)
    return replace(images, notes=(*images.notes, *class_notes(folder, origin.metadata.labels)))
