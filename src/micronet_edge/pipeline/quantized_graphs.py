"""Each target's quantized graph of a recipe's network, with the biases for that graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import fx

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import SettingsError
from micronet_edge.quantization.quantize_network import corrected_biases, quantized_by, with_tensors
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import Recipe
from micronet_edge.quantization.samples import Given
from micronet_edge.targets.protocol import Target


@dataclass(frozen=True, slots=True)
class Formed:
    """A recipe with the quantized graph of each target; a graph takes seconds to build, so it is kept."""

    recipe: Recipe
    forms: Mapping[str, QuantizedNetwork]


def corrected_forms(
    recipe: Recipe,
    network: fx.GraphModule,
    metadata: FileMetadata,
    targets: Sequence[Target],
    given: Given,
) -> Formed:
    """Corrects the biases for each target's quantized graph on these samples.

    Operators that a target keeps in float have no error, so each target needs its own corrections.
    Fine-tuned weights need none, since training included their quantization.
    """
    forms = {target.name: _plain_form(recipe, network, metadata, target) for target in targets}
    if recipe.tensors:
        return Formed(recipe, forms)
    biases = {name: corrected_biases(form, given) for name, form in forms.items()}
    return Formed(
        replace(recipe, biases=biases),
        {name: _with_biases(form, biases[name]) for name, form in forms.items()},
    )


def written_forms(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, targets: Sequence[Target]
) -> Formed:
    """The unchanged recipe with the quantized graph of each target.

    Raises SettingsError as `written_graph` does.
    """
    return Formed(
        recipe, {target.name: written_graph(recipe, network, metadata, target) for target in targets}
    )


def written_graph(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, target: Target
) -> QuantizedNetwork:
    """The target's quantized graph of the recipe's network.

    Raises SettingsError on a recipe for another network, or one without biases for this target.
    """
    form = _plain_form(recipe, network, metadata, target)
    if recipe.tensors:
        return form
    if target.name not in recipe.biases:
        made = list(recipe.biases)
        advice = f"give --format {','.join(made)}, or " if made else ""
        raise SettingsError(
            f"the recipe was made for {' and '.join(made) or 'no format'}, not {target.name}: {advice}"
            "quantize without --recipe"
        )
    return _with_biases(form, recipe.biases[target.name])


def float_graph(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, target: Target
) -> fx.GraphModule:
    """The same operators with the weights and biases as trained, for comparison."""
    plain = replace(recipe, tensors={}, biases={})
    return _plain_form(plain, network, metadata, target).network


def _plain_form(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, target: Target
) -> QuantizedNetwork:
    """The target's quantized graph without corrected biases."""
    return target.quantized_graph(quantized_by(recipe, network, metadata, target.name))


def _with_biases(form: QuantizedNetwork, biases: Mapping[str, torch.Tensor]) -> QuantizedNetwork:
    return replace(form, network=with_tensors(form.network, biases))
