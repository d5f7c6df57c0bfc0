"""The main job: a checkpoint becomes proven files."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from micronet_edge.errors import SettingsError
from micronet_edge.lowering import Applied, lower
from micronet_edge.manifest import manifest_path, write_manifest
from micronet_edge.metadata import FileMetadata
from micronet_edge.models import FAMILY, MicroNet, check_input_size, load_checkpoint
from micronet_edge.models.random_weights import random_network
from micronet_edge.photographs import photographs
from micronet_edge.preprocessing import Preprocessing
from micronet_edge.staging import staged
from micronet_edge.targets import FLOAT32, ExportSpec, Target, find_target
from micronet_edge.verification import Proof, prove

DEFAULT_FORMATS = ("onnx", "tflite")
_IMAGENET_CLASSES = 1000

Report = Callable[[str], None]


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


@dataclass(frozen=True, slots=True)
class _Source:
    """The network to export and everything its files will say of themselves."""

    network: MicroNet
    metadata: FileMetadata
    checkpoint: Path | None

    @property
    def stem(self) -> str:
        return self.metadata.variant + "-random" if self.checkpoint is None else self.checkpoint.stem


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
    origin = _load(source, checkpoint, settings)
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
            proof = _write_and_prove(origin, target, spec, settings, path, report)
            written.append(_exported(origin, target, path, output, proof))
        report("moving the proven files into place")
    return tuple(written)


def _write_and_prove(
    origin: _Source, target: Target, spec: ExportSpec, settings: ExportSettings, path: Path, report: Report
) -> Proof:
    applied: tuple[Applied, ...] = ()
    network: torch.nn.Module = origin.network
    if not settings.naive:
        report(f"{target.name}: lowering the network")
        lowered = lower(network, target.pipeline(spec), spec.input_size)
        network, applied = lowered.network, lowered.applied
    report(f"{target.name}: writing the file")
    target.export(network, spec, path)
    report(f"{target.name}: proving that it computes the same function")
    metadata = target.read_metadata(path)
    proof = prove(path, target, metadata, origin.network, metadata.preprocessing)
    write_manifest(
        path,
        manifest_path(path),
        checkpoint=origin.checkpoint,
        metadata=metadata,
        settings=_settings_for_manifest(settings, spec),
        applied=applied,
        proof=proof,
    )
    return proof


def _exported(origin: _Source, target: Target, path: Path, output: Path, proof: Proof) -> Exported:
    return Exported(
        path=output / path.name,
        manifest=output / manifest_path(path).name,
        format=target.name,
        precision=FLOAT32,
        size_bytes=path.stat().st_size,
        random_weights=origin.checkpoint is None,
        proof=proof,
    )


def _load(source: str | Path, checkpoint: str | Path | None, settings: ExportSettings) -> _Source:
    variant = str(source) if str(source) in FAMILY else None
    if variant is None and checkpoint is not None:
        raise SettingsError(
            f"{source} is no variant ({', '.join(FAMILY)}), yet --checkpoint was given as well"
        )
    if variant is None and not Path(source).exists() and not Path(source).suffix:
        raise SettingsError(f"{source} is neither a variant ({', '.join(FAMILY)}) nor an existing checkpoint")
    path = Path(checkpoint) if checkpoint is not None else None if variant else Path(source)
    if path is None:
        assert variant is not None  # a source without a path is a variant
        return _random(variant, settings)
    loaded = load_checkpoint(path, variant=variant, num_classes=settings.num_classes)
    metadata = FileMetadata(
        variant=loaded.variant,
        labels=_labels(settings, loaded.labels, loaded.num_classes),
        preprocessing=_preprocessing(loaded.preprocessing, settings.input_size),
        checkpoint_sha256=loaded.sha256,
        naive=settings.naive,
        portable=settings.portable,
    )
    return _Source(loaded.network, metadata, path)


def _random(variant: str, settings: ExportSettings) -> _Source:
    classes = _IMAGENET_CLASSES if settings.num_classes is None else settings.num_classes
    metadata = FileMetadata(
        variant=variant,
        labels=_labels(settings, None, classes),
        preprocessing=_preprocessing(None, settings.input_size),
        checkpoint_sha256=None,
        naive=settings.naive,
        portable=settings.portable,
    )
    images = torch.from_numpy(metadata.preprocessing.batch(photographs()))
    return _Source(random_network(variant, classes, images), metadata, None)


def _preprocessing(own: Preprocessing | None, input_size: int | None) -> Preprocessing:
    if own is None:
        return Preprocessing.imagenet(check_input_size(224 if input_size is None else input_size))
    if input_size is None or input_size == own.size:
        check_input_size(own.size)
        return own
    size = check_input_size(input_size)
    return replace(own, size=size, resize=round(size * own.resize / own.size))


def _labels(settings: ExportSettings, own: tuple[str, ...] | None, classes: int) -> tuple[str, ...]:
    """From the file, else the checkpoint's own, else the classes' numbers."""
    if settings.labels is None:
        return own or tuple(str(number) for number in range(classes))
    path = Path(settings.labels)
    try:
        labels = tuple(
            line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()
        )
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"labels file {path} cannot be read ({error}): give UTF-8 text, one label a line"
        ) from error
    if len(labels) != classes:
        raise SettingsError(
            f"labels file {path} names {len(labels)} classes, the network has {classes}: one label a line"
        )
    return labels


def _spec(origin: _Source, settings: ExportSettings) -> ExportSpec:
    if settings.batch is not None and settings.batch < 1:
        raise SettingsError(f"--batch {settings.batch}: give a number from 1 up, or 'dynamic'")
    return ExportSpec(
        input_size=origin.metadata.preprocessing.size,
        batch=settings.batch,
        naive=settings.naive,
        portable=settings.portable,
        metadata=origin.metadata,
    )


def _file_name(origin: _Source, target: Target, settings: ExportSettings) -> str:
    marks = [origin.stem, *(["naive"] if settings.naive else []), FLOAT32]
    return "-".join(marks) + target.suffix


def _settings_for_manifest(settings: ExportSettings, spec: ExportSpec) -> dict[str, object]:
    chosen = asdict(settings)
    return {
        "input_size": spec.input_size,
        "batch": "dynamic" if spec.batch is None else spec.batch,
        "precision": FLOAT32,
        **{name: chosen[name] for name in ("naive", "portable")},
    }
