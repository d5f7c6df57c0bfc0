"""Decodes an image from its bytes, as `open_image` decodes a file."""

import io

from PIL import Image

from micronet_edge.errors import SettingsError


def open_encoded(encoded: bytes, name: str) -> Image.Image:
    """The image of encoded bytes.

    Raises SettingsError, with the image's name, on bytes that are no image.
    """
    try:
        image = Image.open(io.BytesIO(encoded))
        image.load()
    except Exception as error:  # Pillow raises different types, depending on the damage
        raise SettingsError(f"{name} cannot be read as an image: {error}") from error
    return image
