"""Decodes images for training: a random part of the image, resized once, as 8-bit RGB.

Pillow decodes and resizes. JPEG files are decoded at a half, a quarter or an eighth of their size (draft
mode) where the crop still has at least DRAFT_MARGIN times the pixels that are needed along each side; the
result then differs by less than one percent of the pixels' range from that of a full decode.
"""

from math import exp, log, sqrt

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from micronet_edge.data.image_modes import as_rgb
from micronet_edge.data.preprocessing import Preprocessing, decode_image
from micronet_edge.training.recipe import AugmentationRecipe

DRAFT_MARGIN = 2
"""Least size of a crop in the decoded image, as a multiple of the network's input."""

_TRIES = 10  # as torchvision's RandomResizedCrop
_WHOLE = (1.0, 1.0)
_LARGEST_REDUCTION = 8  # of libjpeg
_JPEG = "JPEG"

Box = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of an image, in pixels."""


def training_pixels(
    content: bytes,
    name: str,
    preprocessing: Preprocessing,
    recipe: AugmentationRecipe,
    random: np.random.Generator,
) -> UInt8[np.ndarray, "3 size size"]:
    """Decodes an image to train on: a random crop, or that of evaluation if `crop_area` is (1, 1).

    Given    the bytes of an image file and its name in messages; `random` decides the crop
    Raises   SettingsError on an image that cannot be read.
    """
    if recipe.crop_area == _WHOLE:
        return _planes(preprocessing.cropped(decode_image(content, name)))
    crop = _Crop(preprocessing.size, recipe, random)
    image = as_rgb(decode_image(content, name, crop.prepare))
    side = (preprocessing.size, preprocessing.size)
    return _planes(image.resize(side, preprocessing.resampling, box=crop.box_in(image)))


def validation_array(
    content: bytes, name: str, preprocessing: Preprocessing
) -> Float32[np.ndarray, "3 size size"]:
    """The preprocessed image that evaluation computes with, to the last bit.

    Given    the bytes of an image file and its name in messages
    Raises   SettingsError on an image that cannot be read.
    """
    return preprocessing.array(decode_image(content, name))


def random_box(size: tuple[int, int], recipe: AugmentationRecipe, random: np.random.Generator) -> Box:
    """A random part of an image of `size` (width, height).

    Its share of the area is uniform in `crop_area`, the logarithm of its ratio in `crop_ratio`; if ten tries
    do not fit, the largest central part within the range of ratios. As torchvision's RandomResizedCrop.
    """
    width, height = size
    low, high = recipe.crop_ratio
    for _ in range(_TRIES):
        area = width * height * random.uniform(*recipe.crop_area)
        ratio = exp(random.uniform(log(low), log(high)))
        across, down = round(sqrt(area * ratio)), round(sqrt(area / ratio))
        if 0 < across <= width and 0 < down <= height:
            left = int(random.integers(width - across + 1))
            top = int(random.integers(height - down + 1))
            return left, top, left + across, top + down
    across = min(width, max(1, round(height * high)))
    down = min(height, max(1, round(width / low)))
    left, top = (width - across) // 2, (height - down) // 2
    return left, top, left + across, top + down


class _Crop:
    """A random crop, chosen when the image's size is known and before its pixels are decoded."""

    def __init__(self, size: int, recipe: AugmentationRecipe, random: np.random.Generator) -> None:
        self._size, self._recipe, self._random = size, recipe, random
        self._box: Box = (0, 0, 0, 0)
        self._reduction = 1

    def prepare(self, image: Image.Image) -> None:
        self._box = random_box(image.size, self._recipe, self._random)
        if image.format == _JPEG:
            left, top, right, bottom = self._box
            self._reduction = _reduction(min(right - left, bottom - top) / self._size)
        if self._reduction > 1:
            width, height = image.size
            image.draft(image.mode, (width // self._reduction, height // self._reduction))

    def box_in(self, image: Image.Image) -> tuple[float, float, float, float]:
        """The crop in the pixels of the decoded image."""
        left, top, right, bottom = (edge / self._reduction for edge in self._box)
        return left, top, min(right, image.width), min(bottom, image.height)


def _reduction(pixels_per_pixel: float) -> int:
    """How many times smaller to decode a JPEG file whose crop has so many pixels for each that is needed."""
    reduction = 1
    while reduction < _LARGEST_REDUCTION and pixels_per_pixel >= 2 * reduction * DRAFT_MARGIN:
        reduction *= 2
    return reduction


def _planes(image: Image.Image) -> UInt8[np.ndarray, "3 size size"]:
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
