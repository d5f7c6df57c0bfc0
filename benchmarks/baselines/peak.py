"""What a processor can do at best: a network of nearly nothing but large matrix products."""

from torch import nn

PEAK = "peak"

_CHANNELS, _PATCH, _LAYERS = 256, 8, 8


class DensePeak(nn.Sequential):
    """Patches of 8 x 8 pixels, then 1 x 1 convolutions of 256 channels: 450 M multiply-adds at 224 px.

    Every number that is read is multiplied 256 times, so its multiply-adds a second are the roof under
    which other networks of the runtime stay. It recognises nothing.
    """

    def __init__(self, classes: int) -> None:
        layers: list[nn.Module] = []
        for number in range(_LAYERS + 1):
            first = number == 0
            size = _PATCH if first else 1
            layers += [
                nn.Conv2d(3 if first else _CHANNELS, _CHANNELS, size, size, bias=False),
                nn.BatchNorm2d(_CHANNELS),
                nn.ReLU6(),
            ]
        pool = (nn.AdaptiveAvgPool2d(1), nn.Flatten(1))
        super().__init__(*layers, *pool, nn.Linear(_CHANNELS, classes))
