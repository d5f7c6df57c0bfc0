"""Images in other light: a network may see brighter ones than those for calibration."""

import torch
from torch import Tensor

from micronet_edge.preprocessing import Preprocessing

WHITE = 0.995
"""The part of an image's values that is not taken for white: the brightest of all are glints."""

MOST_GAIN = 8.0
"""What is darker than this part of white holds more noise than light."""


def light_variants(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The images as bright as they can be.

    Given    preprocessed images [n, 3, size, size]
    Result   [n, 3, size, size], each with its brightest pixels white, as a longer exposure gives them; one
             that has white in it stays as it is
    """
    return with_gain(
        images, preprocessing, (1 / _quantile(images, preprocessing, WHITE)).clamp(1.0, MOST_GAIN)
    )


def with_gain(images: Tensor, preprocessing: Preprocessing, gain: Tensor | float) -> Tensor:
    """The images with every pixel's light multiplied; what is more than white is white."""
    mean, std = _statistics(preprocessing)
    factor = gain if isinstance(gain, float) else gain.view(-1, 1, 1, 1)
    return (((images * std + mean) * factor).clamp(0, 1) - mean) / std


def _quantile(images: Tensor, preprocessing: Preprocessing, share: float) -> Tensor:
    mean, std = _statistics(preprocessing)
    pixels = (images * std + mean).clamp(0, 1).flatten(1)
    place = max(0, min(pixels.shape[1] - 1, round(share * pixels.shape[1])))
    return pixels.sort(dim=1).values[:, place].clamp(min=1e-6)


def _statistics(preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    return mean, std
