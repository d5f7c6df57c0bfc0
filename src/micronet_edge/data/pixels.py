"""Preprocessed images as files take them: in other numbers, and where they take bytes, as whole pixels."""

from collections.abc import Mapping

import numpy as np

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.signature import Samples
from micronet_edge.settings import Pixels

BYTE = 255
"""A white pixel in 8 bits."""

WHITE: Mapping[Pixels, float] = {"unit": 1.0, "raw": float(BYTE)}
"""The number of a white pixel; normalized images have no such number."""


def takes_bytes(metadata: FileMetadata) -> bool:
    """Whether the file takes each pixel as an integer of 8 bits."""
    return metadata.io != "float32" and metadata.pixels == "raw"


def as_numbers(images: Images, metadata: FileMetadata) -> Images:
    """Normalized images as the numbers that the file takes, in float32.

    For a file that takes bytes they are pixels of 0 to 255, not yet rounded.
    """
    if metadata.pixels == "normalized":
        return images
    numbers: Images = metadata.preprocessing.pixels(images) * np.float32(WHITE[metadata.pixels])
    return numbers


def as_taken(samples: Samples, metadata: FileMetadata) -> Samples:
    """The samples that a file really computes on: of whole pixels where it takes bytes, else unchanged.

    Photographs consist of whole pixels and do not change. Noise does, and so may the arrays of users.
    """
    if not takes_bytes(metadata):
        return samples
    (images,), preprocessing = samples, metadata.preprocessing
    pixels = np.rint(preprocessing.pixels(images) * np.float32(BYTE)).clip(0, BYTE)
    return (preprocessing.normalized(pixels / np.float32(BYTE)),)
