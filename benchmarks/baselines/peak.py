"""A network of almost only large matrix products, to measure the peak speed of a CPU."""

from torch import nn

_CHANNELS, _PATCH, _LAYERS = 256, 8, 8


class DensePeak(nn.Sequential):
    """Patches of 8 x 8 pixels, then 1 x 1 convolutions of 256 channels: 450 M multiply-adds at 224 px.

    Every loaded number is used in 256 products, so its multiply-adds per second are an upper bound for other
    networks in the runtime. It recognizes nothing.
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
