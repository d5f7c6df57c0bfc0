"""Images in other light: a network sees brighter, darker and hazier ones than those for calibration."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from micronet_edge.data.preprocessing import Preprocessing

WHITE = 0.995
"""The part of an image's values that is not taken for white: the brightest of all are glints."""

MOST_GAIN = 8.0
"""What is darker than this part of white, or paler, holds more noise than light."""

SHADE = 0.5
"""Light in the shade, in parts of that in the open."""


def light_variants(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The images as bright as they can be, with as much contrast as they can have, and in the shade.

    Given    preprocessed images [n, 3, size, size]
    Result   [3 n, 3, size, size]: each with its brightest pixels white, as a longer exposure gives them (one
             that has white in it stays as it is); with its darkest black as well, as behind a haze that
             lifts; and with SHADE of its light
    """
    return torch.cat(
        [
            brightest(images, preprocessing),
            clearest(images, preprocessing),
            with_gain(images, preprocessing, SHADE),
        ]
    )


def brightest(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The images with their brightest pixels white; those that have white in them as they are."""
    _, white = _quantiles(images, preprocessing)
    return with_gain(images, preprocessing, _gain(white))


def clearest(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The images with their brightest pixels white and their darkest black."""
    black, white = _quantiles(images, preprocessing)

    def change(pixels: Tensor) -> Tensor:
        return (pixels - _each(black)) * _each(_gain(white - black))

    return _changed(images, preprocessing, change)


def with_gain(images: Tensor, preprocessing: Preprocessing, gain: Tensor | float) -> Tensor:
    """The images with every pixel's light multiplied; what is more than white is white."""
    factor = gain if isinstance(gain, float) else _each(gain)
    return _changed(images, preprocessing, lambda pixels: pixels * factor)


def with_contrast(images: Tensor, preprocessing: Preprocessing, factor: float) -> Tensor:
    """The images with every pixel so many times as far from their image's mean, within black and white."""

    def change(pixels: Tensor) -> Tensor:
        mean = pixels.mean((1, 2, 3), keepdim=True)
        return (pixels - mean) * factor + mean

    return _changed(images, preprocessing, change)


View = Callable[[Tensor, Preprocessing], Tensor]

VIEWS: dict[str, View] = {
    "in half their light": lambda images, preprocessing: with_gain(images, preprocessing, 0.5),
    "in 1.4 times their light": lambda images, preprocessing: with_gain(images, preprocessing, 1.4),
    "as bright as they can be": brightest,
    "with half their contrast": lambda images, preprocessing: with_contrast(images, preprocessing, 0.5),
    "with 1.5 times their contrast": lambda images, preprocessing: with_contrast(images, preprocessing, 1.5),
    "with all the contrast they can have": clearest,
}
"""Ways in which images may differ from those for calibration, as a sentence goes on after `the images`."""


def _gain(white: Tensor) -> Tensor:
    """What makes the number of each image one."""
    return (1 / white.clamp(min=1 / MOST_GAIN)).clamp(min=1.0)


def _changed(images: Tensor, preprocessing: Preprocessing, change: Callable[[Tensor], Tensor]) -> Tensor:
    mean, std = _mean_and_std(preprocessing)
    return (change(images * std + mean).clamp(0, 1) - mean) / std


def _mean_and_std(preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    """In the shape that scales images."""
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    return mean, std


def _each(values: Tensor) -> Tensor:
    """A number for each image [n] in the shape that multiplies images."""
    return values.view(-1, 1, 1, 1)


def _quantiles(images: Tensor, preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    """What of each image is taken for black and for white, [n] each, in parts of white."""
    mean, std = _mean_and_std(preprocessing)
    pixels = (images * std + mean).clamp(0, 1).flatten(1).numpy()
    places = [min(pixels.shape[1] - 1, round(share * pixels.shape[1])) for share in (1 - WHITE, WHITE)]
    # Sorting whole images would take as long as running the network on them.
    ends = np.partition(pixels, places, axis=1)[:, places]
    return torch.from_numpy(ends[:, 0].copy()), torch.from_numpy(ends[:, 1].copy())
