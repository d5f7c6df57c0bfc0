"""Images of any mode with 8 bits of colour, or of grey."""

import numpy as np
from PIL import Image

_SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def as_rgb(image: Image.Image) -> Image.Image:
    """The image with 8 bits of red, green and blue: 16 bits are scaled, transparency is dropped."""
    if image.mode == "RGB":
        return image
    if image.mode in _SIXTEEN_BIT_MODES:  # convert() would clip at 255 instead of scaling
        return _eight_bits(image).convert("RGB")
    if image.mode == "P":  # Pillow warns if it drops a palette's transparency in one step
        image = image.convert("RGBA")
    return image.convert("RGB")


def as_gray(image: Image.Image) -> Image.Image:
    """The image with 8 bits of grey: grey stays as it is, colours are weighed as eyes do (ITU-R 601-2)."""
    if image.mode in _SIXTEEN_BIT_MODES:
        return _eight_bits(image)
    return image if image.mode == "L" else as_rgb(image).convert("L")


def _eight_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
