"""How a network was quantized: a small file to read, to keep and to quantize with again."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, fx

from micronet_edge.errors import SettingsError
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.tuning import costs_of
from micronet_edge.quantization.qparams import Range
from micronet_edge.util.journal import settle
from micronet_edge.util.user_files import RECIPE, RECIPE_WEIGHTS, check_file, file_sha256, read_json

RECIPE_SUFFIX = ".recipe.json"
WEIGHTS_SUFFIX = ".recipe.safetensors"
INT8 = "int8"
INT8_A16 = "int8-a16"
BITS = {INT8: 8, INT8_A16: 16}
"""Bits of an activation; weights have 8 in both."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to quantize a network, and the images that decided it.

    Attributes:
        precision: int8 or int8-a16.
        variant: of the network.
        input_size: width and height of an image in pixels.
        checkpoint_sha256: of the network's checkpoint; None for random weights.
        percentile: of a tensor's values that its range holds.
        calibration: name, hash of the list and count of the images.
        ranges: (low, high) by tensor, in real numbers.
        costs: those by which the network was lowered.
        float_layers: operators that stay in float32 in every format.
        format_float_layers: operators that also do so in one format, by format.
        channel_factors: by tensor, of equalized channels.
        range_utilisation: by tensor, how its range fits images that it was not found on.
        finetuning: what fine-tuning did, if it ran.
        weights_sha256: of the file beside the recipe, which holds `tensors` and `biases`.
        tensors: fine-tuned tensors of the decomposed network.
        biases: corrected biases of each target's form of the network.
    """

    precision: str
    variant: str
    input_size: int
    checkpoint_sha256: str | None
    percentile: float
    calibration: dict[str, object]
    ranges: dict[str, Range]
    costs: Costs
    float_layers: tuple[str, ...] = ()
    format_float_layers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    channel_factors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    range_utilisation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    finetuning: dict[str, object] | None = None
    weights_sha256: str = ""
    tensors: Mapping[str, Tensor] = field(default_factory=dict, repr=False, compare=False)
    biases: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict, repr=False, compare=False)

    def in_float(self, target: str | None) -> frozenset[str]:
        """The operators that stay in float32 in a file of that target, or in every file."""
        own = () if target is None else self.format_float_layers.get(target, ())
        return frozenset(self.float_layers) | frozenset(own)


def recipe_path(file: Path) -> Path:
    """The path of the recipe of a quantized file."""
    return file.with_suffix(RECIPE_SUFFIX)


def weights_path(recipe: Path) -> Path:
    """The path of the tensors of a recipe."""
    return recipe.with_name(recipe.name.removesuffix(RECIPE_SUFFIX) + WEIGHTS_SUFFIX)


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Writes the recipe and, beside it, its tensors."""
    weights = weights_path(path)
    # save_file() would write a file that only its owner may read.
    weights.write_bytes(save(_stored(recipe)))
    content = asdict(recipe) | {"weights_sha256": file_sha256(weights)}
    del content["tensors"], content["biases"]
    ranges = content.pop("ranges")
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(span)}" for name, span in ranges.items())
    head = json.dumps(content, indent=1).removesuffix("\n}")
    path.write_text(f'{head},\n "ranges": {{\n{lines}\n }}\n}}\n')


def load_recipe(path: Path) -> Recipe:
    """Reads a recipe and its tensors.

    Raises:
        SettingsError: a file is missing or damaged, or the two do not belong together.
    """
    settle(path.parent)
    weights = weights_path(path)
    given = read_json(path, RECIPE)
    if not os.path.lexists(weights):
        raise SettingsError(
            f"{weights} does not exist: a recipe is two files, {path.name} and {weights.name}, in one folder"
        )
    check_file(weights, RECIPE_WEIGHTS)
    try:
        content = dict(given)  # type: ignore[call-overload]  # no mapping: TypeError, caught below
        content["ranges"] = {
            name: _range(name, float(low), float(high)) for name, (low, high) in content["ranges"].items()
        }
        content["float_layers"] = tuple(content["float_layers"])
        own = content.get("format_float_layers", {})
        content["format_float_layers"] = {name: tuple(kept) for name, kept in own.items()}
        factors = content.get("channel_factors", {})
        content["channel_factors"] = {name: tuple(map(float, each)) for name, each in factors.items()}
        content["costs"] = costs_of(content["costs"])
        recipe = Recipe(**content, **_grouped(load_file(weights)))
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        OSError,
        SafetensorError,
    ) as error:
        raise SettingsError(f"recipe {path} cannot be read ({error}): quantize again to make one") from error
    if file_sha256(weights) != recipe.weights_sha256:
        raise SettingsError(
            f"{weights} is not the file that {path.name} was written with: keep the two together"
        )
    if recipe.precision not in BITS:
        raise SettingsError(
            f"recipe {path} is for precision {recipe.precision!r}: choose {' or '.join(BITS)}"
        )
    return recipe


_FINE_TUNED = "fine-tuned"


def _stored(recipe: Recipe) -> dict[str, Tensor]:
    """All tensors of the recipe for one file, named GROUP:TENSOR."""
    groups = {_FINE_TUNED: recipe.tensors, **recipe.biases}
    named = {f"{group}:{name}": tensor for group, held in groups.items() for name, tensor in held.items()}
    return {name: named[name].contiguous() for name in sorted(named)}


def _grouped(stored: Mapping[str, Tensor]) -> dict[str, Any]:
    groups: dict[str, dict[str, Tensor]] = {_FINE_TUNED: {}}
    for name, tensor in stored.items():
        group, found, own = name.partition(":")
        if not found:
            raise ValueError(f"{name} belongs to no format")
        groups.setdefault(group, {})[own] = tensor
    return {"tensors": groups.pop(_FINE_TUNED), "biases": groups}


def _range(name: str, low: float, high: float) -> Range:
    if not -inf < low <= high < inf:
        raise ValueError(f"the range of {name} is {low} to {high}")
    return low, high


def changed_tensors(before: fx.GraphModule, after: fx.GraphModule) -> dict[str, Tensor]:
    """The tensors of `after` that differ from those of `before`, by name."""
    old = before.state_dict()
    return {
        name: tensor.detach().clone()
        for name, tensor in after.state_dict().items()
        if name not in old or not torch.equal(old[name], tensor)
    }
