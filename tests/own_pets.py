"""A user's network, a MicroNet with another head, in a file of its own; and its metadata."""

import textwrap

from torch import nn

from micronet_edge import FileMetadata, Preprocessing
from micronet_edge.models import MicroNet

METADATA = FileMetadata("pets", ("cat", "dog", "owl"), Preprocessing(64, 72), assumed=("mean", "std"))

SOURCE = """
    from pathlib import Path

    from torch import nn

    from micronet_edge.models import MicroNet

    (Path(__file__).parent / "ran").touch()


    def pets(classes=3, variant="m0", hidden=()):
        network = MicroNet(variant)
        network.classifier = nn.Sequential(nn.Dropout(), nn.Linear(384, classes))
        return network


    def sized(width):
        return nn.Sequential(nn.Conv2d(3, width, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


def pets(classes=3):
    """A MicroNet with a head of its own."""
    network = MicroNet("m0")
    network.classifier = nn.Sequential(nn.Dropout(), nn.Linear(384, classes))
    return network


def write_source(folder):
    """Writes the user's file. `ran` lies beside it once its code ran."""
    path = folder / "pets_net.py"
    path.write_text(textwrap.dedent(SOURCE))
    return path
