"""Images in other light: variants of calibration images that are brighter, darker or hazier."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from micronet_edge.data.preprocessing import Preprocessing

WHITE = 0.995
"""Quantile of an image's values that counts as white; brighter ones are reflections."""

MOST_GAIN = 8.0
"""Values below this share of white, and contrasts below it, are mostly noise."""

SHADE = 0.5
"""Brightness in the shade, relative to full light."""


def light_variants(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The images at full brightness, at full contrast, and in the shade.

    Given    preprocessed images [n, channels, height, width]
    Result   [3 n, channels, height, width]: each scaled until its brightest pixels are white, like a
             longer exposure; each stretched until its darkest are black as well, like without haze; and
             each at SHADE of its brightness
    """
    return torch.cat(
        [
            brightest(images, preprocessing),
            clearest(images, preprocessing),
            with_gain(images, preprocessing, SHADE),
        ]
    )


def brightest(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The images scaled until their brightest pixels are white; those with white pixels stay unchanged."""
    _, white = _quantiles(images, preprocessing)
    return with_gain(images, preprocessing, _gain(white))


def clearest(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The images stretched until their brightest pixels are white and their darkest black."""
    black, white = _quantiles(images, preprocessing)

    def change(pixels: Tensor) -> Tensor:
        return (pixels - _each(black)) * _each(_gain(white - black))

    return _changed(images, preprocessing, change)


def with_gain(images: Tensor, preprocessing: Preprocessing, gain: Tensor | float) -> Tensor:
    """The images with every pixel multiplied by `gain` and clipped at white."""
    factor = gain if isinstance(gain, float) else _each(gain)
    return _changed(images, preprocessing, lambda pixels: pixels * factor)


def with_contrast(images: Tensor, preprocessing: Preprocessing, factor: float) -> Tensor:
    """The images with their contrast multiplied by `factor`, clipped at black and white."""

    def change(pixels: Tensor) -> Tensor:
        mean = pixels.mean((1, 2, 3), keepdim=True)
        return (pixels - mean) * factor + mean

    return _changed(images, preprocessing, change)


View = Callable[[Tensor, Preprocessing], Tensor]

VIEWS: dict[str, View] = {
    "at half brightness": lambda images, preprocessing: with_gain(images, preprocessing, 0.5),
    "at 1.4 times the brightness": lambda images, preprocessing: with_gain(images, preprocessing, 1.4),
    "at full brightness": brightest,
    "at half contrast": lambda images, preprocessing: with_contrast(images, preprocessing, 0.5),
    "at 1.5 times the contrast": lambda images, preprocessing: with_contrast(images, preprocessing, 1.5),
    "at full contrast": clearest,
}
"""Views of images in other light, by the phrase that follows `the images` in a message."""


def _gain(white: Tensor) -> Tensor:
    """The factor [n] that scales each image's white to 1."""
    return (1 / white.clamp(min=1 / MOST_GAIN)).clamp(min=1.0)


def _changed(images: Tensor, preprocessing: Preprocessing, change: Callable[[Tensor], Tensor]) -> Tensor:
    mean, std = _mean_and_std(preprocessing)
    return (change(images * std + mean).clamp(0, 1) - mean) / std


def _mean_and_std(preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation in the shape that broadcasts over images."""
    mean, std = (torch.tensor(each).view(1, -1, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    return mean, std


def _each(values: Tensor) -> Tensor:
    """One number per image [n] in the shape that broadcasts over images."""
    return values.view(-1, 1, 1, 1)


def _quantiles(images: Tensor, preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    """The values that count as black and as white in each image, [n] each; 1 is white."""
    mean, std = _mean_and_std(preprocessing)
    pixels = (images * std + mean).clamp(0, 1).flatten(1).numpy()
    places = [min(pixels.shape[1] - 1, round(share * pixels.shape[1])) for share in (1 - WHITE, WHITE)]
    # Sorting whole images would take as long as running the network on them.
    ends = np.partition(pixels, places, axis=1)[:, places]
    return torch.from_numpy(ends[:, 0].copy()), torch.from_numpy(ends[:, 1].copy())
