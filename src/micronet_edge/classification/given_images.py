"""The images that an app has: paths, Pillow images or arrays of pixels."""

import os
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from micronet_edge.data.preprocessing import open_image
from micronet_edge.errors import SettingsError

Pixels = Annotated[NDArray[np.uint8], "height width channels"]
GivenImage = str | os.PathLike[str] | Image.Image | Pixels
"""A file; a Pillow image; or uint8 pixels: RGB [height, width, 3], RGBA [height, width, 4] or grey
[height, width], whatever the order of the colours in the network."""

_WANTED = "give uint8 pixels [height, width, 3] in RGB, or [height, width] in grey"
_GREY_AXES, _COLOR_AXES = 2, 3
_CHANNELS = (1, 3, 4)


def as_image(given: GivenImage) -> Image.Image:
    """The image that is given, as Pillow has it.

    Raises SettingsError on a file that is no image, and on an object or array of another kind.
    """
    match given:
        case Image.Image():
            return _loaded(given)
        case np.ndarray():
            return _of_pixels(given)
        case str() | os.PathLike():
            return open_image(Path(given))
    raise SettingsError(
        f"{type(given).__name__} is no image: give a path, a Pillow image or an array of uint8 pixels"
    )


def _loaded(image: Image.Image) -> Image.Image:
    try:
        image.load()
    except Exception as error:  # Pillow raises different types, depending on the damage
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SettingsError(f"the image cannot be read ({reason}): save it again") from error
    return image


def _of_pixels(array: Pixels) -> Image.Image:
    found = f"an array of {array.dtype} {list(array.shape)}"
    if array.dtype != np.uint8:
        raise SettingsError(f"{found} is no image: {_WANTED}")
    if array.ndim == _COLOR_AXES and array.shape[0] in _CHANNELS and array.shape[2] not in _CHANNELS:
        raise SettingsError(f"{found} has its channels first: {_WANTED}, such as array.transpose(1, 2, 0)")
    if array.ndim == _COLOR_AXES + 1:
        raise SettingsError(f"{found} holds several images: give them to classify_many")
    channels = array.shape[2] if array.ndim == _COLOR_AXES else 1
    if not array.size or array.ndim not in {_GREY_AXES, _COLOR_AXES} or channels not in _CHANNELS:
        raise SettingsError(f"{found} is no image: {_WANTED}")
    plane = array[..., 0] if array.ndim == _COLOR_AXES and channels == 1 else array
    return Image.fromarray(np.ascontiguousarray(plane))
