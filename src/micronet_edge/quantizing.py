"""The other main job: a checkpoint becomes proven integer files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, fx

from micronet_edge.bounding import Bound, Step, bound_drop
from micronet_edge.errors import MicronetEdgeError, SettingsError, TargetError, VerificationError
from micronet_edge.image_folders import CalibrationImages, LabelledImages, read_calibration, read_labelled
from micronet_edge.integer_forms import float_form, with_corrected_biases, written_form
from micronet_edge.isolated_targets import given_target
from micronet_edge.kernels import Kernels
from micronet_edge.limits import MAX_DROP
from micronet_edge.lowering import Costs, Lowered, integer, lower
from micronet_edge.manifest import manifest_path, write_manifest
from micronet_edge.other_light import notes_on_light, with_utilisation
from micronet_edge.quantization.coarse_biases import notes_on_float
from micronet_edge.quantization.finetune import FinetuneProgress, check_enough, finetune
from micronet_edge.quantization.quantize_network import (
    calibrated_recipe,
    corrected_biases,
    quantized_by,
    some_images,
    with_tensors,
)
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import (
    BITS,
    RECIPE_SUFFIX,
    Recipe,
    changed_tensors,
    load_recipe,
    recipe_path,
    save_recipe,
    weights_path,
)
from micronet_edge.quantization.refine_stem import stem_layers
from micronet_edge.quiet_layers import notes_on_quiet_layers
from micronet_edge.settings import ExportSettings, QuantizeSettings
from micronet_edge.source import Source, read_source, reread_source
from micronet_edge.staging import staged
from micronet_edge.targets import (
    FLOAT16,
    ExportSpec,
    Target,
    find_target,
    load_runtimes,
    read_metadata,
    target_of,
)
from micronet_edge.threads import one_thread
from micronet_edge.unseen_images import QuantizationImages, bundled, notes_on_likeness, parted
from micronet_edge.verification import Proof, prove_quantized
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


@dataclass(frozen=True, slots=True)
class Quantized:
    """Proven integer files with the recipe that made them, and how a bound on the loss was kept.

    `notes` say what a reader must know of the images, the network and the files.
    """

    files: tuple[Exported, ...]
    recipe: Path
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


def quantize(
    source: str | Path,
    *,
    checkpoint: str | Path | None = None,
    settings: ExportSettings,
    quantization: QuantizeSettings | None = None,
    report: Report = lambda _step: None,
) -> Quantized:
    """Writes a network as integer files of every format asked for, each proven in its own runtime.

    Given    as for `export`; settings with a precision of int8 or int8-a16 and calibration images
    Result   a file for each format and one recipe for all of them, or nothing
    Raises   MicronetEdgeError of the kind that fits; no file is left under its final name then.
    """
    quantization = quantization or QuantizeSettings()
    _check(settings, quantization)
    targets = [find_target(name) for name in dict.fromkeys(settings.formats)]
    check_first(source, checkpoint, settings, [*(target.suffix for target in targets), RECIPE_SUFFIX])
    load_runtimes(targets)
    report("reading the network and the images")
    origin = read_source(source, checkpoint, settings)
    if quantization.max_drop is not None and origin.checkpoint is None:
        raise SettingsError("--max-drop needs trained weights: give a checkpoint in the place of a variant")
    spec = export_spec(origin, settings)
    for target in targets:
        target.check(spec)
    for folder in (quantization.finetune, quantization.data):
        if folder is not None:  # refused here, before the work that needs them
            labelled = _labelled(Path(folder), origin, settings)
            report(labelled.order)
            if folder is quantization.finetune:
                check_enough(labelled)
    images = _images(origin, settings, quantization)
    for note in images.found_on.notes:
        report(f"WARNING: {note}")
    notes = _notes(origin, images, settings, quantization)
    stem = file_stem(origin, settings)
    names = [stem + target.suffix for target in targets]
    recipe_name = recipe_path(Path(names[0])).name
    beside = [manifest_path(Path(name)).name for name in names]
    output, inputs = Path(settings.output), inputs_of(origin, settings)
    all_names = [*names, *beside, recipe_name, weights_path(Path(recipe_name)).name]
    with (
        staged(output, all_names, overwrite=settings.overwrite, inputs=inputs) as folder,
        one_thread(),
    ):
        report("lowering the network")
        given = _given_recipe(settings, quantization)
        costs = spec.tuning.xnnpack_int8 if given is None else given.costs
        lowered = lower(origin.network, integer(costs), spec.input_size)
        recipe = given or _new_recipe(
            origin, lowered.network, costs, images.found_on, targets, settings, quantization, report
        )
        calibration = images.found_on
        bound = _bounded(recipe, origin, lowered.network, calibration, targets, spec, quantization, report)
        recipe, noted = with_utilisation(bound.recipe, lowered.network, origin.metadata, images)
        save_recipe(recipe, folder / recipe_name)
        files, failures = [], {}
        for target, name in zip(targets, names, strict=True):
            report(f"{target.name}: writing the file and proving it")
            path = folder / name
            try:
                proof = _write_and_prove(recipe, origin, lowered, images, target=target, spec=spec, path=path)
            except (TargetError, VerificationError) as error:
                failures[target.name] = error
                continue
            files.append(exported(origin, target, spec, path, output, proof))
            if images.judged and origin.checkpoint is not None:
                notes += notes_on_light(
                    path, target, origin.metadata.preprocessing, origin.network, images.proven_on, proof
                )
        _check_failures(failures, [file.format for file in files])
        report("moving the proven files into place")
    return Quantized(tuple(files), output / recipe_name, bound.steps, (*notes, *noted, *bound.notes))


def _check_failures(failures: Mapping[str, MicronetEdgeError], sound: Sequence[str]) -> None:
    """Raises the first failure, with the formats that it is no reason to go without."""
    for name, error in failures.items():
        others = [other for other in sound if other != name]
        advice = f"; {' and '.join(others)} came out well: give --format {' '.join(others)}" if others else ""
        raise type(error)(f"{name}: {error}{advice}") from error


def _images(origin: Source, settings: ExportSettings, quantization: QuantizeSettings) -> QuantizationImages:
    if settings.calibration is not None or quantization.recipe is None:
        return parted(calibration_images(origin, settings))
    if quantization.max_drop is not None:
        raise SettingsError(
            "--max-drop corrects biases anew: give --calibration DIR as well, the images of the recipe"
        )
    return bundled(origin.metadata.preprocessing)


def _notes(
    origin: Source, images: QuantizationImages, settings: ExportSettings, quantization: QuantizeSettings
) -> tuple[str, ...]:
    """What is known of the network and the images before anything is quantized."""
    if not images.judged:
        return (
            (
                "proven on the bundled photographs, that the file computes what the recipe says; give "
                "--calibration DIR to compare it with float on images that it will see"
            ),
        )
    notes: tuple[str, ...] = ()
    if origin.checkpoint is not None:
        notes = notes_on_quiet_layers(origin.network, images.found_on.images, "the calibration images")
    if quantization.data is not None:
        data = _labelled(Path(quantization.data), origin, settings)
        notes += notes_on_likeness(images.found_on, data, origin.metadata.preprocessing)
    return notes


def _check(settings: ExportSettings, quantization: QuantizeSettings) -> None:
    if settings.precision not in BITS:
        other = f"; {FLOAT16} is written by `export --precision {FLOAT16}`"
        raise SettingsError(
            f"precision {settings.precision!r} is no integer one: choose {' or '.join(BITS)}"
            f"{other if settings.precision == FLOAT16 else ''}"
        )
    if quantization.max_drop is not None and quantization.data is None:
        raise SettingsError("--max-drop needs labelled images to measure on: give --data DIR")
    if quantization.max_drop is not None:
        MAX_DROP.check(quantization.max_drop)
    if quantization.recipe is not None and quantization.finetune is not None:
        raise SettingsError("a recipe carries its weights: give --recipe or --finetune, not both")


def _given_recipe(settings: ExportSettings, quantization: QuantizeSettings) -> Recipe | None:
    if quantization.recipe is None:
        return None
    if settings.tuning is not None:
        raise SettingsError(
            "a recipe carries the tuning it was made with: give --recipe or --tuning, not both"
        )
    recipe = load_recipe(Path(quantization.recipe))
    if recipe.precision != settings.precision:
        raise SettingsError(
            f"the recipe is for {recipe.precision}, not {settings.precision}: give --precision "
            f"{recipe.precision}"
        )
    return recipe


def _new_recipe(
    origin: Source,
    network: fx.GraphModule,
    costs: Costs,
    calibration: CalibrationImages,
    targets: list[Target],
    settings: ExportSettings,
    quantization: QuantizeSettings,
    report: Report,
) -> Recipe:
    report(f"finding ranges and correcting biases on {calibration.count} images")
    recipe = calibrated_recipe(network, calibration, origin.metadata, settings.precision, costs)
    for note in notes_on_float(network, recipe.float_layers):
        report(f"WARNING: {note}")
    images = some_images(calibration)
    if quantization.finetune is not None:
        recipe = _finetuned(recipe, origin, network, images, Path(quantization.finetune), settings, report)
    return with_corrected_biases(recipe, network, origin.metadata, targets, images)


def _labelled(folder: Path, origin: Source, settings: ExportSettings) -> LabelledImages:
    return read_labelled(
        folder,
        origin.metadata.labels,
        labels_assumed=origin.metadata.labels_assumed,
        skip_unreadable=settings.skip_unreadable,
    )


def _finetuned(
    recipe: Recipe,
    origin: Source,
    network: fx.GraphModule,
    calibrating: Tensor,
    folder: Path,
    settings: ExportSettings,
    report: Report,
) -> Recipe:
    images = _labelled(folder, origin, settings)
    quantized = quantized_by(recipe, network, origin.metadata)
    # No target rounds these as coarsely as the common network would.
    quantized = replace(quantized, float_layers=quantized.float_layers | stem_layers(network))
    biases = corrected_biases(quantized, calibrating)
    quantized = replace(quantized, network=with_tensors(quantized.network, biases))
    result = finetune(
        quantized, images, origin.metadata.preprocessing, teacher=network, progress=_told(report)
    )
    if not result.kept_epoch:
        report("fine-tuning mended no more than chance would on the held-out images: all stays as it was")
    return replace(
        recipe,
        finetuning={"source": images.source, "count": images.count, **asdict(result)},
        tensors=changed_tensors(network, quantized.network) if result.kept_epoch else {},
    )


def _bounded(
    recipe: Recipe,
    origin: Source,
    network: fx.GraphModule,
    calibration: CalibrationImages,
    targets: list[Target],
    spec: ExportSpec,
    quantization: QuantizeSettings,
    report: Report,
) -> Bound:
    if quantization.max_drop is None:
        return Bound(recipe, ())
    assert quantization.data is not None  # _check has refused that
    return bound_drop(
        recipe,
        origin,
        network,
        targets,
        spec,
        images=torch.from_numpy(calibration.images),
        data=Path(quantization.data),
        max_drop=quantization.max_drop,
        report=report,
    )


def _write_and_prove(
    recipe: Recipe,
    origin: Source,
    lowered: Lowered,
    images: QuantizationImages,
    *,
    target: Target,
    spec: ExportSpec,
    path: Path,
) -> Proof:
    written = written_form(recipe, lowered.network, origin.metadata, target)
    target.quantize(written, spec, path)
    metadata = target.read_metadata(path)
    proof = prove_quantized(
        path, target, metadata, origin.network, written, images.proven_on, judged=images.judged
    )
    settings = manifest_settings(spec) | {
        "calibration": recipe.calibration,
        "recipe": recipe_path(path).name,
        "finetuning": recipe.finetuning,
        "float_layers": sorted(written.float_layers),
    }
    write_manifest(
        path,
        checkpoint=origin.checkpoint,
        metadata=metadata,
        settings=settings,
        applied=lowered.applied,
        proof=proof,
        notes=origin.notes,
    )
    return proof


def quantized_from(file: Path, checkpoint: Path) -> tuple[QuantizedNetwork, fx.GraphModule]:
    """What a quantized file holds, from the recipe beside it and the checkpoint it was made from.

    Result   the quantized network, and the same operators in float with the checkpoint's own weights
    Raises   SettingsError on a file that is not quantized, has no recipe, or is of another checkpoint.
    """
    metadata = read_metadata(file)
    if metadata.precision not in BITS or metadata.naive:
        raise SettingsError(
            f"{file} is {'naive' if metadata.naive else metadata.precision}, not quantized by a recipe: give "
            "a file that `quantize` wrote"
        )
    recipe = load_recipe(recipe_path(file))
    origin = reread_source(checkpoint, metadata)
    if origin.metadata.checkpoint_sha256 != metadata.checkpoint_sha256:
        raise SettingsError(f"{file} was not made from {checkpoint}: give the checkpoint it was made from")
    network = lower(origin.network, integer(recipe.costs), metadata.preprocessing.size).network
    parts = recipe, network, origin.metadata, target_of(file)
    try:
        return written_form(*parts), float_form(*parts)
    except SettingsError as error:
        raise SettingsError(f"{recipe_path(file)}: {error}") from error


def prove_again(file: Path, checkpoint: Path, calibration: Path | None, kernels: Kernels = "off") -> Proof:
    """The proof of a quantized file once more, on any images.

    Raises SettingsError where there are no images, VerificationError where the proof fails.
    """
    metadata = read_metadata(file)
    if calibration is None:
        raise SettingsError(
            f"{file} is {metadata.precision}: give --calibration DIR, images to compare it on"
        )
    quantized, _ = quantized_from(file, checkpoint)
    images = read_calibration(calibration, metadata.preprocessing).images
    network = reread_source(checkpoint, metadata).network
    return prove_quantized(file, given_target(file), metadata, network, quantized, images, kernels)


def _told(report: Report) -> Callable[[FinetuneProgress], None]:
    """Tells every tenth of the fine-tuning."""
    told = [-1]

    def tell(progress: FinetuneProgress) -> None:
        tenth = 10 * progress.done // max(1, progress.total)
        if tenth > told[0]:
            told[0] = tenth
            report(
                f"fine-tuning: {tenth * 10} %, same class as float on {progress.agreement:.1%} of the "
                "held-out images"
            )

    return tell
