"""The main job: a checkpoint becomes proven files."""

from pathlib import Path

import torch

from micronet_edge.errors import SettingsError
from micronet_edge.image_folders import CalibrationImages
from micronet_edge.kernels import Kernels, library
from micronet_edge.lowering import Applied, lower
from micronet_edge.lowering.round_to_half import with_half_weights
from micronet_edge.manifest import manifest_path, write_manifest
from micronet_edge.quantization.recipe import BITS, INT8
from micronet_edge.quantizing import quantize
from micronet_edge.settings import ExportSettings
from micronet_edge.source import Source, read_source
from micronet_edge.staging import staged
from micronet_edge.targets import (
    FLOAT16,
    FLOAT32,
    ExportSpec,
    Target,
    check_precision,
    find_target,
    load_runtimes,
)
from micronet_edge.verification import Proof, compare, prove
from micronet_edge.written_files import (
    Exported,
    Report,
    calibration_images,
    check_first,
    export_spec,
    exported,
    file_stem,
    inputs_of,
    manifest_settings,
)

PRECISIONS = (FLOAT32, FLOAT16, *BITS)


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
    if settings.precision not in PRECISIONS:
        raise SettingsError(f"unknown precision {settings.precision!r}: choose from {', '.join(PRECISIONS)}")
    if settings.precision in BITS and not settings.naive:
        return quantize(source, checkpoint=checkpoint, settings=settings, report=report).files
    targets = [find_target(name) for name in dict.fromkeys(settings.formats)]
    check_first(source, checkpoint, settings, [target.suffix for target in targets])
    load_runtimes(targets)
    report("reading the network")
    origin = read_source(source, checkpoint, settings)
    if settings.naive and settings.tuning is not None:
        raise SettingsError("a naive file is not tuned: leave --tuning out")
    spec = export_spec(origin, settings)
    for target in targets:
        check_precision(target, spec)
        target.check(spec)
    calibration = _naive_calibration(origin, settings)
    for note in () if calibration is None else calibration.notes:
        report(f"WARNING: {note}")
    names = {target.name: file_stem(origin, settings) + target.suffix for target in targets}
    all_names = [name for file in names.values() for name in (file, manifest_path(Path(file)).name)]
    written = []
    output, inputs = Path(settings.output), inputs_of(origin, settings)
    with staged(output, all_names, overwrite=settings.overwrite, inputs=inputs) as folder:
        for target in targets:
            path = folder / names[target.name]
            proof = _write_and_prove(origin, target, spec, path, report, calibration)
            written.append(exported(origin, target, spec, path, output, proof))
        report("moving the proven files into place")
    return tuple(written)


def _naive_calibration(origin: Source, settings: ExportSettings) -> CalibrationImages | None:
    """The images that the formats' own tools calibrate on, where they are to quantize."""
    if settings.precision not in BITS and settings.calibration is not None:
        raise SettingsError("calibration images are for an integer file: give --precision int8 as well")
    if settings.precision not in BITS and (settings.precision == FLOAT32 or not settings.naive):
        return None
    if settings.precision != INT8:
        raise SettingsError(f"no usual tool writes {settings.precision}: give --naive with --precision int8")
    return calibration_images(origin, settings)


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
        if spec.precision == FLOAT16:
            network = with_half_weights(network)
    report(f"{target.name}: writing the file")
    if calibration is None:
        target.export(network, spec, path)
    else:
        target.quantize_naively(network, calibration.images, spec, path)
    report(f"{target.name}: proving that it computes the same function")
    metadata = target.read_metadata(path)
    if calibration is None:
        # Who has our kernels will run the file in them.
        kinds: tuple[Kernels, ...] = ("off",) if library() is None else ("off", "auto")
        proof = prove(path, target, metadata, origin.network, kinds)
    else:
        proof = compare(path, target, origin.network, calibration.images)
    write_manifest(
        path,
        checkpoint=origin.checkpoint,
        metadata=metadata,
        settings=manifest_settings(spec),
        applied=applied,
        proof=proof,
        notes=origin.notes,
    )
    return proof
