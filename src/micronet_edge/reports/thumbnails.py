"""Small pictures inside a page: what a network sees of an image."""

import base64
import io

from PIL import Image

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.util.safe_text import escape

SIDE = 144
"""Length of a thumbnail's longer side in pixels."""
_QUALITY = 82

MISSING = '<div class="missing"></div>'
"""What stands in the place of a picture that is gone."""


def thumbnail(image: Image.Image, preprocessing: Preprocessing) -> bytes:
    """A small JPEG of the part of an image that a network sees.

    Raises SettingsError on an image that the preprocessing refuses.
    """
    seen = preprocessing.cropped(image)
    scale = SIDE / max(seen.size)
    method = Image.Resampling.BOX if scale > 1 else Image.Resampling.LANCZOS
    width, height = (max(1, round(length * scale)) for length in seen.size)
    written = io.BytesIO()
    seen.resize((width, height), method).save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()


def picture(encoded: bytes, name: str) -> str:
    """The JPEG as HTML, with its content in the page itself."""
    data = base64.b64encode(encoded).decode("ascii")
    return f'<img width="{SIDE}" height="{SIDE}" alt="{escape(name)}" src="data:image/jpeg;base64,{data}">'
