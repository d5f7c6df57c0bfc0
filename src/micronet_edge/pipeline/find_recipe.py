"""Finds the recipe of integer files: calibrates, corrects, fine-tunes and keeps the accuracy budget."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import fx

from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.errors import SettingsError
from micronet_edge.lowering import Costs
from micronet_edge.pipeline.job import Report, Work
from micronet_edge.pipeline.mixed_precision import Bound, Measured, bound_drop
from micronet_edge.pipeline.quantized_graphs import Formed, corrected_forms, written_forms
from micronet_edge.quantization.coarse_biases import notes_on_float
from micronet_edge.quantization.finetune import FinetuneProgress, finetune
from micronet_edge.quantization.float_regions import float_operators, notes_on_float_operators
from micronet_edge.quantization.logits import giving_logits
from micronet_edge.quantization.quantize_network import (
    calibrated_recipe,
    corrected_biases,
    quantized_by,
    some_samples,
    with_tensors,
)
from micronet_edge.quantization.recipe import Recipe, changed_tensors, load_recipe
from micronet_edge.quantization.refine_stem import stem_layers
from micronet_edge.quantization.samples import Inputs
from micronet_edge.settings import QuantizeSettings
from micronet_edge.util.text import plural


def given_recipe(settings: QuantizeSettings) -> Recipe | None:
    """Reads the recipe that the user gives; None if there is none.

    Raises SettingsError on a recipe that cannot be read or is for another precision.
    """
    if settings.recipe is None:
        return None
    if settings.tuning is not None:
        raise SettingsError(
            "a recipe carries the tuning it was made with: give --recipe or --tuning, not both"
        )
    recipe = load_recipe(Path(settings.recipe))
    if recipe.precision != settings.precision:
        raise SettingsError(
            f"the recipe is for {recipe.precision}, not {settings.precision}: give --precision "
            f"{recipe.precision}"
        )
    return recipe


def find_recipe(
    work: Work, network: fx.GraphModule, images: CalibrationImages, given: Recipe | None, costs: Costs
) -> Bound:
    """Finds the recipe for a lowered network, with each target's quantized graph.

    Given    a recipe to follow, or None; the costs by which the network was lowered
    Raises   SettingsError on a recipe for another network; VerificationError if the accuracy budget cannot
             be kept.
    """
    metadata, settings = work.origin.metadata, work.settings
    if given is None:
        formed = _new_recipe(work, network, images, costs)
    else:
        formed = written_forms(given, network, metadata, work.targets)
    if settings.max_drop is None:
        return Bound(formed, ())
    assert settings.data is not None  # QuantizedFiles.check refuses that
    measured = Measured(network, work.origin, work.spec, torch.from_numpy(images.images), Path(settings.data))
    return bound_drop(formed, measured, work.targets, settings.max_drop, work.report)


def _new_recipe(work: Work, network: fx.GraphModule, calibration: CalibrationImages, costs: Costs) -> Formed:
    metadata = work.origin.metadata
    what = "image" if metadata.takes_images else "sample"
    work.report(f"finding ranges and correcting biases on {plural(calibration.count, what)}")
    recipe = calibrated_recipe(network, calibration, metadata, work.settings.precision, costs)
    coarse = set(recipe.float_layers) - set(float_operators(network))
    for note in (*notes_on_float(network, coarse), *notes_on_float_operators(network)):
        work.report(f"WARNING: {note}")
    samples = some_samples(calibration)
    if work.settings.finetune is not None:
        recipe = _finetuned(work, recipe, network, samples)
    return corrected_forms(recipe, network, metadata, work.targets, samples)


def _finetuned(work: Work, recipe: Recipe, network: fx.GraphModule, calibrating: Inputs) -> Recipe:
    assert work.settings.finetune is not None  # the caller's condition
    images = work.labelled(work.settings.finetune)
    metadata, network = work.origin.metadata, giving_logits(network)
    quantized = quantized_by(recipe, network, metadata)
    # No target quantizes these as coarsely as the common network would.
    quantized = replace(quantized, float_layers=quantized.float_layers | stem_layers(network))
    biases = corrected_biases(quantized, calibrating)
    quantized = replace(quantized, network=with_tensors(quantized.network, biases))
    result = finetune(quantized, images, teacher=network, progress=_by_tenths(work.report))
    if not result.kept_epoch:
        work.report(
            "fine-tuning gained no more than chance on the held-out images: the weights stay unchanged"
        )
    return replace(
        recipe,
        finetuning={"source": images.source, "count": images.count, **asdict(result)},
        tensors=changed_tensors(network, quantized.network) if result.kept_epoch else {},
    )


def _by_tenths(report: Report) -> Callable[[FinetuneProgress], None]:
    """Reports each tenth of the fine-tuning."""
    reported = -1

    def report_tenth(progress: FinetuneProgress) -> None:
        nonlocal reported
        tenth = 10 * progress.done // max(1, progress.total)
        if tenth > reported:
            reported = tenth
            report(
                f"fine-tuning: {tenth * 10} %, same class as float on {progress.agreement:.1%} of the "
                "held-out images"
            )

    return report_tenth
