"""The main job: a checkpoint becomes proven files."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from micronet_edge.errors import SettingsError
from micronet_edge.lowering import Applied, lower
from micronet_edge.manifest import manifest_path, write_manifest
from micronet_edge.settings import ExportSettings
from micronet_edge.source import Source, read_source
from micronet_edge.staging import staged
from micronet_edge.targets import FLOAT32, ExportSpec, Target, find_target
from micronet_edge.verification import Proof, prove

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
    targets = [find_target(name) for name in dict.fromkeys(settings.formats)]
    report("reading the network")
    origin = read_source(source, checkpoint, settings)
    spec = _spec(origin, settings)
    for target in targets:
        target.check(spec)
    names = {target.name: _file_name(origin, target, settings) for target in targets}
    all_names = [name for file in names.values() for name in (file, manifest_path(Path(file)).name)]
    written = []
    output = Path(settings.output)
    with staged(output, all_names, overwrite=settings.overwrite) as folder:
        for target in targets:
            path = folder / names[target.name]
            proof = _write_and_prove(origin, target, spec, path, report)
            written.append(_exported(origin, target, path, output, proof))
        report("moving the proven files into place")
    return tuple(written)


def _write_and_prove(origin: Source, target: Target, spec: ExportSpec, path: Path, report: Report) -> Proof:
    applied: tuple[Applied, ...] = ()
    network: torch.nn.Module = origin.network
    if not spec.naive:
        report(f"{target.name}: lowering the network")
        lowered = lower(network, target.pipeline(spec), spec.input_size)
        network, applied = lowered.network, lowered.applied
    report(f"{target.name}: writing the file")
    target.export(network, spec, path)
    report(f"{target.name}: proving that it computes the same function")
    metadata = target.read_metadata(path)
    proof = prove(path, target, metadata, origin.network)
    write_manifest(
        path,
        checkpoint=origin.checkpoint,
        metadata=metadata,
        settings=_settings_for_manifest(spec),
        applied=applied,
        proof=proof,
    )
    return proof


def _exported(origin: Source, target: Target, path: Path, output: Path, proof: Proof) -> Exported:
    return Exported(
        path=output / path.name,
        manifest=output / manifest_path(path).name,
        format=target.name,
        precision=FLOAT32,
        size_bytes=path.stat().st_size,
        random_weights=origin.checkpoint is None,
        proof=proof,
    )


def _spec(origin: Source, settings: ExportSettings) -> ExportSpec:
    if settings.batch is not None and settings.batch < 1:
        raise SettingsError(f"--batch {settings.batch}: give a number from 1 up, or 'dynamic'")
    return ExportSpec(
        input_size=origin.metadata.preprocessing.size,
        batch=settings.batch,
        naive=settings.naive,
        portable=settings.portable,
        metadata=replace(origin.metadata, naive=settings.naive, portable=settings.portable),
    )


def _file_name(origin: Source, target: Target, settings: ExportSettings) -> str:
    marks = [origin.stem, *(["naive"] if settings.naive else []), FLOAT32]
    return "-".join(marks) + target.suffix


def _settings_for_manifest(spec: ExportSpec) -> dict[str, object]:
    return {
        "input_size": spec.input_size,
        "batch": "dynamic" if spec.batch is None else spec.batch,
        "precision": FLOAT32,
        "naive": spec.naive,
        "portable": spec.portable,
    }
