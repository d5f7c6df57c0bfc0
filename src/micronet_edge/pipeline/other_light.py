"""Checks a quantization on images and in light conditions that it was not calibrated on."""

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
"""Smallest difference in agreement worth a note; with 50 images, less is within chance."""

MANY_VALUES = 0.05
"""Largest acceptable share of a tensor's values outside its range.

Measured on the examples: at most 0.016 when calibrated on few images, in the dark or in fog; at least 0.16
when calibrated in fog only, or on images of one class.
"""

AT_HOME = 2 / 3
"""Smallest agreement of the float network with itself in a view; below, the view is beyond the network."""

_LIT_IMAGES = 64
_IMAGES = 32
_PLAIN = "as they are"

ByView = Mapping[str, Mapping[str, Utilisation]]


def with_utilisation(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, images: QuantizationImages
) -> tuple[Recipe, tuple[str, ...]]:
    """Adds to the recipe how its ranges fit unseen images, unchanged and in other light.

    Given    a recipe, the decomposed network it is for, and images to prove files on
    Result   the recipe, with `clipped`, `clipped_in_other_light` and `used` for each tensor; and a note if
             ranges clip too many values. Images unlike those the network will see prove nothing.
    """
    if not images.judged:
        return recipe, ()
    if not metadata.is_classifier:
        return _plain_utilisation(recipe, network, metadata, images)
    given = torch.from_numpy(evenly(images.proven_on[0], _IMAGES))
    views = {_PLAIN: given} | {name: view(given, metadata.preprocessing) for name, view in VIEWS.items()}
    written = quantized_by(recipe, network, metadata)
    with one_thread():
        seen = {name: utilisation(written.network, recipe.ranges, each) for name, each in views.items()}
    found = {name: each for name, (each, _) in seen.items()}
    answers = {name: logits.argmax(1) for name, (_, logits) in seen.items()}
    same = {name: float((each == answers[_PLAIN]).float().mean()) for name, each in answers.items()}
    at_home = {name: each for name, each in found.items() if same[name] >= AT_HOME}
    noted = _notes_on_ranges(at_home, written.float_layers)
    return replace(recipe, range_utilisation=_by_tensor(found)), noted


def _plain_utilisation(
    recipe: Recipe, network: fx.GraphModule, metadata: FileMetadata, images: QuantizationImages
) -> tuple[Recipe, tuple[str, ...]]:
    """As `with_utilisation`, but on unchanged samples only: no class tells when a change is too much."""
    given = tuple(torch.from_numpy(evenly(each, _IMAGES)) for each in images.proven_on)
    written = quantized_by(recipe, network, metadata)
    with one_thread():
        seen, _ = utilisation(written.network, recipe.ranges, given)
    ranges = {name: {"clipped": each.clipped, "used": each.used} for name, each in seen.items()}
    noted = _notes_on_ranges({_PLAIN: seen}, written.float_layers)
    return replace(recipe, range_utilisation=ranges), noted


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


def _notes_on_ranges(all_found: ByView, in_float: frozenset[str]) -> tuple[str, ...]:
    """A note on the view in which a tensor is clipped most, if that is too much; what is in float is not."""
    found = {
        view: {name: each for name, each in tensors.items() if name not in in_float}
        for view, tensors in all_found.items()
    }
    if not all(found.values()):
        return ()
    cut_off = {view: _worst(tensors) for view, tensors in found.items()}
    view = max(cut_off, key=lambda view: found[view][cut_off[view]].clipped)
    worst, tensors = cut_off[view], found[view]
    if tensors[worst].clipped <= MANY_VALUES:
        return ()
    count = sum(each.clipped > MANY_VALUES for each in tensors.values())
    return (
        (
            f"ranges clip {tensors[worst].clipped:.0%} of the values of {worst} on images that they were "
            f"not calibrated on, {view} (more than {MANY_VALUES:.0%} in {count} of {len(tensors)} tensors); "
            "give calibration images of every kind and in every light that the network will see"
        ),
    )


def _worst(tensors: Mapping[str, Utilisation]) -> str:
    return max(tensors, key=lambda name: tensors[name].clipped)


def notes_on_light(file: FileToProve, network: nn.Module, images: Images, proof: Proof) -> tuple[str, ...]:
    """A note for each change of light in which an integer file agrees less with float than in the proof."""
    session, notes = file.session(), []
    given = torch.from_numpy(evenly(images, _LIT_IMAGES))
    for name, view in VIEWS.items():
        lit = view(given, file.metadata.preprocessing).numpy()
        same = float((session.run(lit).argmax(1) == reference_logits(network, lit).argmax(1)).mean())
        if proof.top1_agreement is not None and same < proof.top1_agreement - LIGHT_MATTERS:
            notes.append(
                f"{file.path.name} depends on the light: same class as float on "
                f"{proof.top1_agreement:.0%} of the images, {name} on {same:.0%}; "
                "give calibration images in every light that the network will see"
            )
    return tuple(notes)
