"""Images as a C file takes them."""

import numpy as np
from numpy.typing import NDArray

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge_c.metadata import Description
from micronet_edge_c.program.buffers import UINT8

_HALF_RANGE = 128


def image_bytes(images: Images, description: Description, metadata: FileMetadata) -> NDArray[np.generic]:
    """Preprocessed images [n, c, h, w] as the file takes them, [n, h, w, c].

    They are float32, or bytes: pixels where the file takes these, less 128 unless they are unsigned.
    """
    values = metadata.preprocessing.pixels(images) if metadata.pixels == "raw" else images
    channels_last = np.ascontiguousarray(values.transpose(0, 2, 3, 1), np.float32)
    if description.image is None:
        return channels_last
    integers = description.image.integers(channels_last)
    if description.image_type == UINT8:
        return (integers + _HALF_RANGE).astype(np.uint8)
    return integers.astype(np.int8)
