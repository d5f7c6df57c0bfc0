"""The main job: a checkpoint becomes proven files."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from micronet_edge.errors import SettingsError
from micronet_edge.image_folders import CalibrationImages, read_calibration
from micronet_edge.lowering import Applied, lower
from micronet_edge.manifest import manifest_path, write_manifest
from micronet_edge.quantization.recipe import INT8
from micronet_edge.settings import ExportSettings
from micronet_edge.source import Source, read_source
from micronet_edge.staging import staged
from micronet_edge.targets import FLOAT32, ExportSpec, Target, find_target
from micronet_edge.verification import Proof, compare, prove

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """One proven file, with its manifest beside it."""

    path: Path
    manifest: Path
    format: str
    precision: str
    size_bytes: int
    random_weights: bool
    proof: Proof


def export(
    source: str | Path,
    *,
    checkpoint: str | Path | None = None,
    settings: ExportSettings | None = None,
    report: Report = lambda _step: None,
) -> tuple[Exported, ...]:
    """Writes a network as files of every format asked for, each proven in its own runtime.

    Given    a variant's name or a checkpoint's path; with a variant, a checkpoint or none (random
             weights); `report` is told each step as it begins
    Result   one Exported for each format, all of them or none
    Raises   MicronetEdgeError of the kind that fits; no file is left under its final name then.
    """
    settings = settings or ExportSettings()
    if settings.precision != FLOAT32 and not settings.naive:
        from micronet_edge.quantizing import quantize  # it uses this module

        return quantize(source, checkpoint=checkpoint, settings=settings, report=report).files
    targets = [find_target(name) for name in dict.fromkeys(settings.formats)]
    report("reading the network")
    origin = read_source(source, checkpoint, settings)
    spec = export_spec(origin, settings)
    for target in targets:
        target.check(spec)
    calibration = _naive_calibration(origin, settings)
    names = {target.name: file_stem(origin, settings) + target.suffix for target in targets}
    all_names = [name for file in names.values() for name in (file, manifest_path(Path(file)).name)]
    written = []
    output = Path(settings.output)
    with staged(output, all_names, overwrite=settings.overwrite) as folder:
        for target in targets:
            path = folder / names[target.name]
            proof = _write_and_prove(origin, target, spec, path, report, calibration)
            written.append(exported(origin, target, spec, path, output, proof))
        report("moving the proven files into place")
    return tuple(written)


def _naive_calibration(origin: Source, settings: ExportSettings) -> CalibrationImages | None:
    """The images that the formats' own tools calibrate on, where they are to quantize."""
    if settings.precision == FLOAT32:
        if settings.calibration is not None:
            raise SettingsError("calibration images are for an integer file: give --precision int8 as well")
        return None
    if settings.precision != INT8:
        raise SettingsError(f"no usual tool writes {settings.precision}: give --naive with --precision int8")
    return calibration_images(origin, settings)


def calibration_images(origin: Source, settings: ExportSettings) -> CalibrationImages:
    """The images to calibrate on.

    Raises SettingsError where none are given, or they will not do.
    """
    if settings.calibration is None:
        raise SettingsError(
            f"precision {settings.precision} needs images like those the network will see: give "
            "--calibration DIR, a folder with about 200 of them; random or default ones would spoil it"
        )
    return read_calibration(
        Path(settings.calibration), origin.metadata.preprocessing, skip_unreadable=settings.skip_unreadable
    )


def _write_and_prove(
    origin: Source,
    target: Target,
    spec: ExportSpec,
    path: Path,
    report: Report,
    calibration: CalibrationImages | None,
) -> Proof:
    applied: tuple[Applied, ...] = ()
    network: torch.nn.Module = origin.network
    if not spec.naive:
        report(f"{target.name}: lowering the network")
        lowered = lower(network, target.pipeline(spec), spec.input_size)
        network, applied = lowered.network, lowered.applied
    report(f"{target.name}: writing the file")
    if calibration is None:
        target.export(network, spec, path)
    else:
        target.quantize_naively(network, calibration.images, spec, path)
    report(f"{target.name}: proving that it computes the same function")
    metadata = target.read_metadata(path)
    if calibration is None:
        proof = prove(path, target, metadata, origin.network)
    else:
        proof = compare(path, target, origin.network, calibration.images)
    write_manifest(
        path,
        checkpoint=origin.checkpoint,
        metadata=metadata,
        settings=manifest_settings(spec),
        applied=applied,
        proof=proof,
    )
    return proof


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
    )


def export_spec(origin: Source, settings: ExportSettings) -> ExportSpec:
    """What to write of the network, in every format alike.

    Raises SettingsError on a batch that is none.
    """
    if settings.batch is not None and settings.batch < 1:
        raise SettingsError(f"--batch {settings.batch}: give a number from 1 up, or 'dynamic'")
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
    )


def file_stem(origin: Source, settings: ExportSettings) -> str:
    """The name of every file that is written, without what the format adds."""
    return "-".join([origin.stem, *(["naive"] if settings.naive else []), settings.precision])


def manifest_settings(spec: ExportSpec) -> dict[str, object]:
    """The settings as a manifest tells them."""
    return {
        "input_size": spec.input_size,
        "batch": "dynamic" if spec.batch is None else spec.batch,
        "precision": spec.precision,
        "io": spec.io,
        "naive": spec.naive,
        "portable": spec.portable,
    }
