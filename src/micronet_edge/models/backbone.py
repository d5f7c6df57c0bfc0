"""MicroNet as a backbone: its feature maps at several strides, for detectors, keypoints and masks.

The interface follows timm's `features_only` (timm/models/_features.py): an index counts strides, and each map
comes from the last layer of its stride.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from micronet_edge.errors import SettingsError
from micronet_edge.models.backbone_weights import load_features
from micronet_edge.models.family import Variant, find_variant
from micronet_edge.models.micronet import INPUT_CHANNELS, Features, block_width, draw_weights
from micronet_edge.util.text import listed

STRIDES = (0, 1, 2, 3, 4)
"""The indices of all strides: 2, 4, 8, 16 and 32."""

_STEM_STRIDE = 2


@dataclass(frozen=True, slots=True)
class FeatureInfo:
    """A feature map: its channels, the input's pixels per pixel of the map, and the layer that makes it."""

    channels: int
    reduction: int
    module: str


def feature_levels(variant: Variant) -> tuple[FeatureInfo, ...]:
    """The last feature map at each stride, from 2 to 32."""
    channels, reduction = variant.stem_channels, _STEM_STRIDE
    levels = {reduction: FeatureInfo(channels, reduction, "features.stem")}
    for number, block in enumerate(variant.blocks, start=1):
        channels, reduction = block_width(channels, block), reduction * block.stride
        levels[reduction] = FeatureInfo(channels, reduction, f"features.block{number}")
    return tuple(levels.values())


class MicroNetFeatures(nn.Module):
    """The backbone of a variant, without the layers behind the last wanted map.

    Its layers have the names that they have in the classifier.

    Given    x [n, in_channels, h, w], of any height and width, preprocessed as Preprocessing says
    Result   one map for each of `feature_info`: [n, channels, h / reduction, w / reduction], rounded up
    """

    def __init__(self, variant: Variant, in_channels: int, out_indices: Sequence[int]) -> None:
        super().__init__()
        self.variant, self.in_channels = variant, in_channels
        levels = feature_levels(variant)
        self.feature_info = tuple(levels[index] for index in out_indices)
        names = ["features.stem", *(f"features.block{each + 1}" for each in range(len(variant.blocks)))]
        self.places = tuple(names.index(each.module) for each in self.feature_info)
        self.features = Features(variant, in_channels, max(self.places) + 1)
        self.apply(draw_weights)

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs = self.features.outputs(x)
        return [outputs[place] for place in self.places]


def micronet_features(
    variant: Variant | str,
    *,
    out_indices: Sequence[int] = STRIDES,
    in_channels: int = INPUT_CHANNELS,
    checkpoint: Path | str | None = None,
) -> MicroNetFeatures:
    """MicroNet as a backbone that gives a list of feature maps.

    Given    `out_indices`, which strides: 0 for 2, 1 for 4, 2 for 8, 3 for 16, 4 for 32; -1 is the last;
             the number of the images' channels; a `checkpoint` of a classifier of that variant, ours or
             the authors', or of a network with that backbone
    Result   the module, in training mode; its `feature_info` describes each map; without a checkpoint with
             weights drawn as the authors do
    Raises   SettingsError on an unknown variant or index; CheckpointError on a file that does not fit.

    A checkpoint for three colours fits any number of channels: one channel takes the sum of the colours'
    weights, so a grey image gives what it gives in colour; several take them in turn, scaled.
    """
    found = find_variant(variant) if isinstance(variant, str) else variant
    if in_channels < 1:
        raise SettingsError(f"a network needs at least one input channel, not {in_channels}: give 1 or more")
    network = MicroNetFeatures(found, in_channels, _checked(found, out_indices))
    if checkpoint is not None:
        load_features(network, Path(checkpoint))
    return network


def _checked(variant: Variant, indices: Sequence[int]) -> list[int]:
    """The indices counted from 0.

    Raises SettingsError on an index without a level, on repeated ones, and on none.
    """
    levels = range(len(feature_levels(variant)))
    wrong = [index for index in indices if not -len(levels) <= index < len(levels)]
    if wrong or not indices:
        shown = f"no map {listed(wrong)}" if wrong else "no maps given"
        raise SettingsError(
            f"out_indices of {variant.name}: {shown}: give some of {listed(levels)}, for strides 2 to 32"
        )
    counted = [levels[index] for index in indices]
    if len(set(counted)) < len(counted):
        raise SettingsError(f"out_indices {tuple(indices)} repeat a map: give each once")
    return counted
