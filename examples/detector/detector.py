"""A single-shot detector on MicroNet-M0: a map of classes and a map of boxes at stride 8.

The head follows FCOS (arXiv 1904.01355): each cell of the map says which digit has its centre there, and how
far the box reaches from the cell's centre to all four sides. The backbone's maps at strides 8, 16 and 32 meet
as in a feature pyramid (arXiv 1612.03144).
"""

import math
from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

from micronet_edge.models import MicroNetFeatures, micronet_features

CLASSES = 10
STRIDE = 8
WIDTH = 48
RARE = 0.01
"""The share of cells with a digit that an untrained head expects."""


class Detector(nn.Module):
    """The detector.

    Given    x [n, 3, h, w], with h and w multiples of 32
    Result   classes [n, 10, h / 8, w / 8], logits; boxes [n, 4, h / 8, w / 8], the distances from a cell's
             centre to the left, top, right and bottom, in cells; a file's outputs take these names
    """

    def __init__(self, backbone: MicroNetFeatures) -> None:
        super().__init__()
        self.backbone = backbone
        fine, middle, coarse = (each.channels for each in backbone.feature_info)
        self.fine, self.middle, self.coarse = (_project(channels) for channels in (fine, middle, coarse))
        self.mix = nn.Sequential(_separable(), _separable())
        self.classes = nn.Conv2d(WIDTH, CLASSES, 1)
        self.boxes = nn.Conv2d(WIDTH, 4, 1)
        nn.init.normal_(self.classes.weight, std=0.01)
        assert self.classes.bias is not None
        nn.init.constant_(self.classes.bias, -math.log(1 / RARE - 1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        fine, middle, coarse = self.backbone(x)
        y = self.middle(middle) + functional.interpolate(self.coarse(coarse), scale_factor=2.0)
        y = self.mix(self.fine(fine) + functional.interpolate(y, scale_factor=2.0))
        return {"classes": self.classes(y), "boxes": functional.relu(self.boxes(y))}


def detector() -> Detector:
    """The untrained detector: the factory that its checkpoint names."""
    return Detector(micronet_features("m0", out_indices=(2, 3, 4)))


def _project(channels: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(channels, WIDTH, 1, bias=False), norm=nn.BatchNorm2d(WIDTH))
    )


def _separable() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            depthwise=nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH, bias=False),
            depthwise_norm=nn.BatchNorm2d(WIDTH),
            depthwise_activation=nn.ReLU6(),
            pointwise=nn.Conv2d(WIDTH, WIDTH, 1, bias=False),
            norm=nn.BatchNorm2d(WIDTH),
            activation=nn.ReLU6(),
        )
    )
