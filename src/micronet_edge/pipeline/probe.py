"""Example inputs on which a network is traced and its passes are checked."""

import torch
from torch import Tensor

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import GRAY
from micronet_edge.data.samples import default_samples
from micronet_edge.data.signature import Samples


def probe_of(metadata: FileMetadata, samples: Samples | None = None) -> int | tuple[Tensor, ...]:
    """An example [1, ...] of each input, or the side of square images of three colours.

    Given    samples that the user gave, if any; a photograph or noise stands for them
    """
    preprocessing = metadata.preprocessing
    _, height, width = preprocessing.shape
    if metadata.takes_images and preprocessing.color_order != GRAY and height == width:
        return height
    inputs = default_samples(metadata).inputs if samples is None else samples
    return tuple(torch.from_numpy(each[:1].copy()) for each in inputs)
