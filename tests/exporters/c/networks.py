"""Small networks of the family for the C target, and images for them."""

import torch

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering import lower
from micronet_edge.models.random_weights import random_network
from micronet_edge_c.pipelines import microcontroller
from micronet_edge_c.target import COSTS

SIZE, CLASSES = 64, 20
METADATA = FileMetadata("m0", tuple(map(str, range(CLASSES))), Preprocessing.imagenet(SIZE))
PIXELS = torch.randint(0, 256, (4, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(1)).byte()
MEAN, STD = (
    torch.tensor(each).view(3, 1, 1) for each in (METADATA.preprocessing.mean, METADATA.preprocessing.std)
)
IMAGES = (PIXELS / 255 - MEAN) / STD


def lowered(variant, size=SIZE):
    network = random_network(variant, CLASSES, IMAGES)
    return lower(network, microcontroller(COSTS), size).network
