"""Looks at a quantization on images, and in light, that its ranges were not found in."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import fx, nn

from micronet_edge.data.light_variants import VIEWS
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.unseen_images import QuantizationImages, evenly
from micronet_edge.quantization.quantize_network import quantized_by
from micronet_edge.quantization.range_utilisation import Utilisation, utilisation
from micronet_edge.quantization.recipe import Recipe
from micronet_edge.util.threads import one_thread
from micronet_edge.verification.prove import FileToProve, Proof, reference_logits

LIGHT_MATTERS = 0.1
"""A difference in agreement that is worth a line: of 50 images fewer are mere chance."""

MANY_VALUES = 0.05
"""The share of a tensor's values that its range cuts off at most, where it fits the images.

Measured on the examples: at most 0.016, calibrated on few images, in the dark or in fog; 0.16 and more where
ranges were found in fog alone, or on images of one class.
"""

AT_HOME = 2 / 3
"""The share of images that the float network must name as before in a view, or it is not made for that."""

_LIT_IMAGES = 64
_IMAGES = 32
_PLAIN = "as they are"

ByView = Mapping[str, Mapping[str, Utilisation]]


def with_utilisation(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, images: QuantizationImages
) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe with how its ranges fit images that they were not found on, as these are and in other light.

    Given    a recipe, the decomposed network that it is for, and images to prove files on
    Result   the recipe, with `clipped`, `clipped_in_other_light` and `used` for each tensor; and a line where
             ranges cut off what they should not. Images that the network will not see prove nothing.
    """
    if not images.judged:
        return recipe, ()
    given = torch.from_numpy(evenly(images.proven_on, _IMAGES))
    views = {_PLAIN: given} | {name: view(given, metadata.preprocessing) for name, view in VIEWS.items()}
    written = quantized_by(recipe, network, metadata).network
    with one_thread():
        seen = {name: utilisation(written, recipe.ranges, each) for name, each in views.items()}
    found = {name: each for name, (each, _) in seen.items()}
    answers = {name: logits.argmax(1) for name, (_, logits) in seen.items()}
    same = {name: float((each == answers[_PLAIN]).float().mean()) for name, each in answers.items()}
    noted = _notes_on_ranges({name: each for name, each in found.items() if same[name] >= AT_HOME})
    return replace(recipe, range_utilisation=_by_tensor(found)), noted


def _by_tensor(found: ByView) -> dict[str, dict[str, float]]:
    lit = [each for view, each in found.items() if view != _PLAIN]
    return {
        name: {
            "clipped": plain.clipped,
            "clipped_in_other_light": max(each[name].clipped for each in lit),
            "used": plain.used,
        }
        for name, plain in found[_PLAIN].items()
    }


def _notes_on_ranges(found: ByView) -> tuple[str, ...]:
    """A line on the view in which a tensor is cut off most, where that is much."""
    cut_off = {view: _worst(tensors) for view, tensors in found.items()}
    view = max(cut_off, key=lambda view: found[view][cut_off[view]].clipped)
    worst, tensors = cut_off[view], found[view]
    if tensors[worst].clipped <= MANY_VALUES:
        return ()
    count = sum(each.clipped > MANY_VALUES for each in tensors.values())
    return (
        (
            f"ranges cut off {tensors[worst].clipped:.0%} of the values of {worst} on images that they were "
            f"not found on, {view} (more than {MANY_VALUES:.0%} in {count} of {len(tensors)} tensors); give "
            "calibration images of every kind and in every light that the network will see"
        ),
    )


def _worst(tensors: Mapping[str, Utilisation]) -> str:
    return max(tensors, key=lambda name: tensors[name].clipped)


def notes_on_light(file: FileToProve, network: nn.Module, images: Images, proof: Proof) -> tuple[str, ...]:
    """A line for each change of light in which an integer file is further from float than in the proof."""
    session, notes = file.session(), []
    given = torch.from_numpy(evenly(images, _LIT_IMAGES))
    for name, view in VIEWS.items():
        lit = view(given, file.metadata.preprocessing).numpy()
        same = float((session.run(lit).argmax(1) == reference_logits(network, lit).argmax(1)).mean())
        if same < proof.top1_agreement - LIGHT_MATTERS:
            notes.append(
                f"{file.path.name} depends on the light: the same class as float on "
                f"{proof.top1_agreement:.0%} of the images, {name} on {same:.0%}; "
                "give calibration images in every light that it will see"
            )
    return tuple(notes)
