"""A recipe's network as a target writes it: in the target's own form, with the biases for that form."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import fx

from micronet_edge.errors import SettingsError
from micronet_edge.metadata import FileMetadata
from micronet_edge.quantization.quantize_network import corrected_biases, quantized_by, with_tensors
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import Recipe
from micronet_edge.targets import Target


def with_corrected_biases(
    recipe: Recipe,
    network: fx.GraphModule,
    metadata: FileMetadata,
    targets: Sequence[Target],
    images: torch.Tensor,
) -> Recipe:
    """The recipe with the biases that each target's form asks for, on these images.

    What a target keeps in float loses nothing, so that forms need corrections of their own. Fine-tuned
    weights need none: they were trained with their rounding.
    """
    if recipe.tensors:
        return recipe
    biases: dict[str, dict[str, torch.Tensor]] = {}
    for target in targets:
        form = target.integer_form(quantized_by(recipe, network, metadata, target.name))
        biases[target.name] = corrected_biases(form, images)
    return replace(recipe, biases=biases)


def written_form(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, target: Target
) -> QuantizedNetwork:
    """What the target writes of the recipe's network.

    Raises SettingsError on a recipe for another network, or one without biases for this target.
    """
    form = target.integer_form(quantized_by(recipe, network, metadata, target.name))
    if recipe.tensors:
        return form
    if target.name not in recipe.biases:
        made = list(recipe.biases)
        advice = f"give --format {','.join(made)}, or " if made else ""
        raise SettingsError(
            f"the recipe was made for {' and '.join(made) or 'no format'}, not {target.name}: {advice}"
            "quantize without --recipe"
        )
    return replace(form, network=with_tensors(form.network, recipe.biases[target.name]))


def float_form(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, target: Target
) -> fx.GraphModule:
    """The same operators with the weights and biases as they were trained, for comparison."""
    plain = replace(recipe, tensors={}, biases={})
    return target.integer_form(quantized_by(plain, network, metadata, target.name)).network
