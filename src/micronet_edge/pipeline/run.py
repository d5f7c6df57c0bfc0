"""From a network to proven files: read, lower, calibrate, correct, write, prove, move into place."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import MicronetEdgeError, SettingsError, TargetError, VerificationError
from micronet_edge.models.source import Given
from micronet_edge.pipeline.artifacts import Artifacts, Exported
from micronet_edge.pipeline.converter_baseline import ConverterBaseline
from micronet_edge.pipeline.files_beside import companions, missing_support_files
from micronet_edge.pipeline.float_files import FloatFiles
from micronet_edge.pipeline.job import Job, Report, Work, unheard
from micronet_edge.pipeline.method import Method, Written
from micronet_edge.pipeline.quantized_files import QuantizedFiles
from micronet_edge.quantization.recipe import BITS
from micronet_edge.reports.model_card import Made, MeasuredAccuracy, model_card
from micronet_edge.settings import ExportSettings, QuantizeSettings
from micronet_edge.targets.common import unprovable
from micronet_edge.targets.protocol import FLOAT16, FLOAT32, Target
from micronet_edge.targets.registry import integer_lowering_of, load_runtimes
from micronet_edge.util.atomic_write import atomic_write
from micronet_edge.util.threads import one_thread
from micronet_edge.util.user_files import card_path, manifest_path, paths_beside
from micronet_edge.verification.manifest import write_manifest
from micronet_edge.verification.prove import FileToProve, Proof

PRECISIONS = (FLOAT32, FLOAT16, *BITS)


def export(
    source: Given,
    *,
    metadata: FileMetadata | None = None,
    checkpoint: str | Path | None = None,
    settings: ExportSettings | None = None,
    report: Report = unheard,
) -> tuple[Exported, ...]:
    """Writes a network as files of every requested format, each proven in its own runtime.

    Args:
        source: a variant's name, a checkpoint's path, a factory (package.module:name or file.py:name) or a
            module.
        metadata: of a module, its name, labels and preprocessing.
        checkpoint: weights of a variant; None leaves them random.
        settings: which files to write, and how to read the source.
        report: called with each step as it begins.

    Returns:
        One Exported per format, all of them or none.

    Raises:
        MicronetEdgeError: a subclass of it; then no file appears under its final name.
    """
    job = Job(source, QuantizeSettings.of(settings or ExportSettings()), metadata, checkpoint, report)
    made = run(job)
    return tuple(replace(file, notes=(*file.notes, *made.notes)) for file in made.files)


def quantize(
    source: Given,
    *,
    metadata: FileMetadata | None = None,
    checkpoint: str | Path | None = None,
    settings: ExportSettings,
    report: Report = unheard,
) -> Artifacts:
    """Writes a network as integer files of every requested format, each proven in its own runtime.

    Args:
        source: as for `export`.
        metadata: as for `export`.
        checkpoint: as for `export`.
        settings: with a precision of int8 or int8-a16, and calibration images or a recipe.
        report: called with each step as it begins.

    Returns:
        One file per format and one recipe for all of them, or nothing.

    Raises:
        MicronetEdgeError: a subclass of it; then no file appears under its final name.
    """
    job = Job(source, QuantizeSettings.of(settings), metadata, checkpoint, report)
    QuantizedFiles.check(job.settings)
    return run(job)


def run(job: Job) -> Artifacts:
    """Runs a job.

    Raises a subclass of MicronetEdgeError; then no file appears under its final name.
    """
    way = _method(job.settings)
    way.check(job.settings)
    targets = load_runtimes(job.targets(), job.report if job.settings.formats is None else None)
    if way is QuantizedFiles:
        integer_lowering_of(targets)
    job.check_names([*(target.suffix for target in targets), *way.suffixes_beside])
    job.report(way.reading)
    work = Work.of(job, targets)
    method = way(work)
    beside = [each.name for name in work.names.values() for each in paths_beside(Path(name))]
    support = missing_support_files(work)
    names = [*work.names.values(), *beside, *companions(work), *support, *method.beside]
    with (
        atomic_write(work.output, names, overwrite=work.settings.overwrite, inputs=work.inputs) as folder,
        one_thread(),
    ):
        for name, content in support.items():
            (folder / name).write_bytes(content)
        method.prepare(folder)
        files = _write_all(work, method, folder)
        job.report("moving the files into place")
    path = None if method.recipe is None else work.output / method.recipe
    return Artifacts(files, path, method.steps, (*method.notes, *_reader_notes(work)))


def _method(settings: QuantizeSettings) -> type[Method]:
    """The method for files of that precision.

    Raises SettingsError on an unknown precision, and on a tuning for a naive file.
    """
    if settings.precision not in PRECISIONS:
        raise SettingsError(f"unknown precision {settings.precision!r}: choose from {', '.join(PRECISIONS)}")
    if settings.naive and settings.tuning is not None:
        raise SettingsError("a naive file takes no tuning: leave --tuning out")
    if settings.naive and settings.precision != FLOAT32:
        return ConverterBaseline
    return QuantizedFiles if settings.precision in BITS else FloatFiles


def _write_all(work: Work, method: Method, folder: Path) -> tuple[Exported, ...]:
    """Writes a file for each target. After a failure it still tries the others; the error names them."""
    files, failures = [], {}
    for target in work.targets:
        try:
            files.append(_write_and_prove(work, method, target, folder / work.names[target.name]))
        except (TargetError, VerificationError) as error:
            failures[target.name] = error
    _check_failures(failures, [file.format for file in files])
    return tuple(files)


def _write_and_prove(work: Work, method: Method, target: Target, path: Path) -> Exported:
    written = method.write(target, path)
    file = FileToProve(path, target, target.read_metadata(path))
    proof = _proof(work, method, file, written)
    settings = work.manifest_settings() | written.settings
    write_manifest(file, work.origin, settings, written.applied, proof)
    made = Made(work.origin, settings, proof, _measured(work, method, target))
    card_path(path).write_text(model_card(file, made), encoding="utf-8")
    return _exported(work, target, path, proof)


def _measured(work: Work, method: Method, target: Target) -> MeasuredAccuracy | None:
    """The file's accuracy where an accuracy budget had it measured."""
    found = [step for step in method.steps if step.format == target.name]
    if not found:
        return None
    return MeasuredAccuracy(found[-1].top1, found[-1].images, Path(str(work.settings.data)).name)


def _reader_notes(work: Work) -> tuple[str, ...]:
    """What to know about the job's files in the hands of other readers."""
    return tuple(
        note
        for target in work.targets
        if hasattr(target, "notes")  # most formats have nothing to say
        for note in target.notes(work.spec.metadata)
    )


def _proof(work: Work, method: Method, file: FileToProve, written: Written) -> Proof | None:
    """The proof of a file; None where this machine cannot run it and the user accepts that."""
    if (reason := unprovable(file.target)) is None:
        return method.prove(file, written)
    work.report(f"WARNING: {file.path.name} is not proven: {reason}")
    return None


def _exported(work: Work, target: Target, path: Path, proof: Proof | None) -> Exported:
    """The result with the file's final path."""
    return Exported(
        path=work.output / path.name,
        manifest=work.output / manifest_path(path).name,
        card=work.output / card_path(path).name,
        format=target.name,
        precision=work.spec.precision,
        size_bytes=path.stat().st_size,
        random_weights=work.origin.random,
        proof=proof,
        assumption=work.origin.assumption,
        notes=work.origin.notes,
        lacking=_lacking(work, target, path),
    )


def _lacking(work: Work, target: Target, path: Path) -> tuple[str, ...]:
    """What another runtime lacks to run a naive file; ours are written for the runtime that they name."""
    if not work.spec.naive or not hasattr(target, "lacking"):
        return ()
    return target.lacking(path)


def _check_failures(failures: Mapping[str, MicronetEdgeError], sound: Sequence[str]) -> None:
    """Raises the first failure and names the formats that succeeded."""
    for name, error in failures.items():
        others = [other for other in sound if other != name]
        advice = f"; {' and '.join(others)} succeeded: give --format {' '.join(others)}" if others else ""
        raise type(error)(f"{name}: {error}{advice}") from error
