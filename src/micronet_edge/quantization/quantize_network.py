"""From a decomposed network to a quantized one: by calibration, or by a recipe."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from math import inf

import torch
from torch import fx, nn

from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.data.light_variants import light_variants
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.unseen_images import evenly
from micronet_edge.errors import SettingsError
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.coarse_biases import coarse_operators
from micronet_edge.quantization.correct_bias import correct_bias
from micronet_edge.quantization.equalize_channels import equalized, found_factors
from micronet_edge.quantization.float_regions import float_operators
from micronet_edge.quantization.qparams import Range
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import calibrated_tensors, fixed_tensors
from micronet_edge.quantization.recipe import BITS, Recipe, changed_tensors
from micronet_edge.quantization.samples import Given, Inputs, count_of
from micronet_edge.quantization.stored_weights import MATRICES
from micronet_edge.quantization.widen_ranges import widened

PERCENTILE = {8: 99.99, 16: 100.0}
"""Of the values of a tensor, by the bits of an activation; measured, see benchmarks/README.md."""

MOST_IMAGES = 512
"""About 200 are enough; more than this only cost time, and memory for bias correction."""

MOST_LIT = 128
"""So many of them are also used in other light."""


def calibrated_recipe(
    network: fx.GraphModule,
    calibration: CalibrationImages,
    metadata: FileMetadata,
    precision: str,
    costs: Costs = INTEGER_COSTS,
) -> Recipe:
    """The recipe that post-training quantization finds.

    Args:
        network: a decomposed network, which does not change.
        calibration: preprocessed images for it, or samples of its inputs.
        metadata: of the network.
        precision: int8 or int8-a16.
        costs: those by which the network was lowered.
    """
    bits = BITS[precision]
    samples = some_samples(calibration)
    lit, image = _in_other_light(calibration, metadata), input_range(metadata)
    found = calibrate(network, lit, PERCENTILE[bits], image)
    factors = found_factors(network, found, samples, bits)
    if factors:
        network = equalized(network, factors)
        found = calibrate(network, lit, PERCENTILE[bits], image)
    return Recipe(
        precision=precision,
        variant=metadata.variant,
        input_size=metadata.preprocessing.size,
        checkpoint_sha256=metadata.checkpoint_sha256,
        percentile=PERCENTILE[bits],
        calibration={
            "source": calibration.source,
            "sha256": calibration.sha256,
            "count": calibration.count,
            "used": count_of(samples),
            "skipped": calibration.skipped,
            "light_variants": count_of(lit) - count_of(samples),
        },
        ranges=widened(network, found, bits),
        costs=costs,
        float_layers=tuple(
            dict.fromkeys((*coarse_operators(network, found, bits), *float_operators(network)))
        ),
        channel_factors=factors,
    )


def some_samples(calibration: CalibrationImages, most: int = MOST_IMAGES) -> Inputs:
    """At most so many of the samples of every input, chosen evenly."""
    return tuple(torch.from_numpy(evenly(each, most)) for each in calibration.inputs)


def _in_other_light(calibration: CalibrationImages, metadata: FileMetadata) -> Inputs:
    """The samples, and some images in other light as well."""
    samples = some_samples(calibration)
    if not metadata.takes_images:
        return samples
    (images,), (some,) = samples, some_samples(calibration, MOST_LIT)
    return (torch.cat([images, light_variants(some, metadata.preprocessing)]),)


def corrected_biases(quantized: QuantizedNetwork, given: Given) -> dict[str, torch.Tensor]:
    """The biases that give each layer the mean over the samples that it has in float32, by name."""
    corrected = copy.deepcopy(quantized.network)
    correct_bias(replace(quantized, network=corrected), given)
    return changed_tensors(quantized.network, corrected)


def quantized_by(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, target: str | None = None
) -> QuantizedNetwork:
    """The quantized network that the recipe makes of a decomposed one, which does not change.

    It has the recipe's fine-tuned weights, if there are any, and no corrected biases.

    Args:
        recipe: how to quantize.
        network: a decomposed network.
        metadata: of the network.
        target: the format it is for, which may keep layers in float32 that others do not.

    Raises:
        SettingsError: the recipe was made for another network.
    """
    own, ranges = calibrated_tensors(network), set(recipe.ranges)
    fits = own <= ranges <= own | fixed_tensors(network)  # older recipes hold ranges that nothing needs
    same = (recipe.variant, recipe.input_size, recipe.checkpoint_sha256) == (
        metadata.variant,
        metadata.preprocessing.size,
        metadata.checkpoint_sha256,
    )
    if not same or not fits:
        raise SettingsError(
            f"the recipe was made for another network ({recipe.variant}, {recipe.input_size} px, checkpoint "
            f"{(recipe.checkpoint_sha256 or 'random')[:12]}): quantize this one without --recipe"
        )
    changed = with_tensors(equalized(network, recipe.channel_factors), recipe.tensors)
    tensor_qparams = assign_qparams(changed, recipe.ranges, BITS[recipe.precision])
    return QuantizedNetwork(
        changed,
        metadata.preprocessing,
        tensor_qparams,
        recipe.in_float(target),
        takes_images=metadata.takes_images,
        classifies=metadata.is_classifier,
    )


def with_tensors(network: fx.GraphModule, tensors: Mapping[str, torch.Tensor]) -> fx.GraphModule:
    """A copy of the network with these tensors in the place of its own.

    Raises:
        SettingsError: the network has no such tensor, or one of another shape.
    """
    changed = copy.deepcopy(network)
    for layer in changed.modules():
        if isinstance(layer, MATRICES) and layer.bias is None:
            layer.bias = nn.Parameter(bias_of(layer))
    try:
        missing = changed.load_state_dict(dict(tensors), strict=False)
    except RuntimeError as error:
        raise SettingsError(
            "the recipe's tensors have other shapes than the network's: quantize again"
        ) from error
    if missing.unexpected_keys:
        raise SettingsError(
            f"the recipe changes {missing.unexpected_keys[0]}, which the network does not have: "
            "quantize again"
        )
    return changed


def input_range(metadata: FileMetadata) -> Range:
    """The range of any preprocessed image; of other inputs nothing is known."""
    return image_range(metadata) if metadata.takes_images else (-inf, inf)


def image_range(metadata: FileMetadata) -> Range:
    """The range of any preprocessed image, whose pixels lie between 0 and 1 before that."""
    preprocessing = metadata.preprocessing
    pairs = list(zip(preprocessing.mean, preprocessing.std, strict=True))
    return min(-mean / std for mean, std in pairs), max((1 - mean) / std for mean, std in pairs)
