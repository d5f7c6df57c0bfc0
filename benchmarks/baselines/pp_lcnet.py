"""PP-LCNet in any width, in training form.

Source: Cui et al., "PP-LCNet: A Lightweight CPU Convolutional Neural Network" (arXiv 2109.15099), table 1.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from baselines.layers import SQUEEZE, ConvNorm, SqueezeExcite, make_divisible

WIDTHS = (0.25, 0.35, 0.5)

_STEM = 16
_HEAD = 1280
"""Width of the head, not scaled."""
_DROPOUT = 0.2


@dataclass(frozen=True, slots=True)
class Row:
    """One depthwise separable block of table 1 at width 1."""

    kernel_size: int
    channels: int
    stride: int = 1
    squeezes: bool = False


TABLE = (
    Row(3, 32),
    Row(3, 64, stride=2),
    Row(3, 64),
    Row(3, 128, stride=2),
    Row(3, 128),
    Row(3, 256, stride=2),
    *[Row(5, 256)] * 5,
    Row(5, 512, stride=2, squeezes=True),
    Row(5, 512, squeezes=True),
)


class SeparableBlock(nn.Sequential):
    """Depthwise convolution, optional squeeze-and-excite, pointwise convolution."""

    def __init__(self, in_channels: int, row: Row, width: float) -> None:
        super().__init__()
        self.depthwise = ConvNorm(
            in_channels, in_channels, row.kernel_size, stride=row.stride, groups=in_channels
        )
        if row.squeezes:
            self.excite = SqueezeExcite(in_channels, in_channels // SQUEEZE)
        self.pointwise = ConvNorm(in_channels, make_divisible(row.channels * width))


class PPLCNet(nn.Module):
    """PP-LCNet of any width.

    Given    x [n, 3, size, size]
    Result   logits [n, num_classes]

    The paper's 1 x 1 convolution after the global mean is a linear layer without bias.
    """

    def __init__(self, width: float, num_classes: int = 1000) -> None:
        super().__init__()
        channels = make_divisible(_STEM * width)
        self.stem = ConvNorm(3, channels, 3, stride=2)
        self.blocks = nn.Sequential()
        for row in TABLE:
            self.blocks.append(SeparableBlock(channels, row, width))
            channels = make_divisible(row.channels * width)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(channels, _HEAD, bias=False)
        self.activation = nn.Hardswish()
        self.dropout = nn.Dropout(_DROPOUT)
        self.classify = nn.Linear(_HEAD, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.mean(self.blocks(self.stem(x))).flatten(1)
        logits: Tensor = self.classify(self.dropout(self.activation(self.hidden(y))))
        return logits
