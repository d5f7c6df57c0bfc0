"""Random changes of whole batches of training images, by kornia, then normalization.

All random numbers come from PyTorch's global generator, which the caller seeds before each step.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge.training.recipe import AugmentationRecipe

Targets = Int64[Tensor, " n"] | Float32[Tensor, "n classes"]

_HALF = 0.5
_MOST_ERASED = (0.02, 0.33)  # share of the area; as torchvision's and timm's
_ERASED_RATIO = (0.3, 3.3)


class Augmentation(nn.Module):
    """A recipe's random changes: mirror, rotation and shift, colours, erased rectangles, mixup.

    What a turn or a shift uncovers is black. An erased rectangle takes the mean colour.
    Raises SettingsError if kornia is missing and the recipe needs it.
    """

    def __init__(self, recipe: AugmentationRecipe, preprocessing: Preprocessing) -> None:
        super().__init__()
        self._mixup = recipe.mixup
        self._changes = nn.ModuleList(_changes(recipe, preprocessing))
        self._reversed = preprocessing.color_order == "BGR"
        for name in ("mean", "std"):
            value = torch.tensor(getattr(preprocessing, name), dtype=torch.float32)
            self.register_buffer(f"_{name}", value.reshape(1, 3, 1, 1), persistent=False)
        self._mean: Tensor
        self._std: Tensor

    @torch.no_grad()
    def forward(
        self, images: UInt8[Tensor, "n 3 size size"], classes: Int64[Tensor, " n"], num_classes: int
    ) -> tuple[Float32[Tensor, "n 3 size size"], Targets]:
        """Changes and normalizes a batch.

        Args:
            images: red, green and blue from 0 to 255, on the device of this module.
            classes: the images' classes.
            num_classes: number of classes of the network.

        Returns:
            The normalized images in the preprocessing's colour order; and the classes as they were, or with
            mixup the probabilities of all classes.
        """
        changed = images.float() / 255
        for change in self._changes:
            changed = change(changed)
        changed = changed.clamp(0, 1)
        targets: Tensor = classes
        if self._mixup:
            changed, targets = _mixed(changed, functional.one_hot(classes, num_classes).float(), self._mixup)
        if self._reversed:
            changed = changed.flip(1)
        return (changed - self._mean) / self._std, targets


def _mixed(images: Tensor, targets: Tensor, parameter: float) -> tuple[Tensor, Tensor]:
    """Each image mixed with another of the batch, by its own share (mixup, arXiv 1710.09412, section 2)."""
    share = torch.distributions.Beta(parameter, parameter).sample((len(images),)).to(images)
    other = torch.randperm(len(images)).to(images.device)
    mixed = []
    for values in (images, targets):
        factor = share.reshape(-1, *(1,) * (values.ndim - 1))
        mixed.append(values * factor + values[other] * (1 - factor))
    return mixed[0], mixed[1]


def _changes(recipe: AugmentationRecipe, preprocessing: Preprocessing) -> Iterator[nn.Module]:
    moved = recipe.turn_degrees, recipe.scale, recipe.shift
    colours = recipe.brightness, recipe.contrast, recipe.saturation, recipe.hue
    if not (recipe.mirror or any(moved) or any(colours) or recipe.erase):
        return
    try:
        from kornia import augmentation as kornia
    except ImportError as error:
        raise SettingsError("this recipe needs kornia: install 'micronet-edge[train]'") from error
    if recipe.mirror:
        yield kornia.RandomHorizontalFlip(p=_HALF)
    if any(moved):
        yield kornia.RandomAffine(
            degrees=recipe.turn_degrees,
            translate=(recipe.shift, recipe.shift),
            scale=(1 - recipe.scale, 1 + recipe.scale),
            resample=preprocessing.interpolation,
            p=1.0,
        )
    if any(colours):
        yield kornia.ColorJiggle(*colours, p=1.0)
    if recipe.erase:
        grey = min(max(sum(preprocessing.mean) / len(preprocessing.mean), 0.0), 1.0)
        yield kornia.RandomErasing(_MOST_ERASED, _ERASED_RATIO, value=grey, p=recipe.erase)
