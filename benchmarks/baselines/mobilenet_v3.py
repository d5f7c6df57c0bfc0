"""MobileNetV3-Small in any width, in training form.

Source: Howard et al., "Searching for MobileNetV3", ICCV 2019 (arXiv 1905.02244), table 2.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from baselines.layers import SQUEEZE, ConvNorm, SqueezeExcite, make_divisible

WIDTHS = (0.35, 0.5, 0.75, 1.0)

_STEM = 16
_LAST = 576
_HEAD = 1024
"""Width of the head, not scaled: only then width 0.75 has the published 2.0 M parameters."""
_DROPOUT = 0.2


@dataclass(frozen=True, slots=True)
class Row:
    """One bottleneck of table 2 at width 1; `expanded` are the channels between its convolutions."""

    kernel_size: int
    in_channels: int
    expanded: int
    channels: int
    squeezes: bool
    activation: type[nn.Module]
    stride: int


SMALL = (
    Row(3, 16, 16, 16, squeezes=True, activation=nn.ReLU, stride=2),
    Row(3, 16, 72, 24, squeezes=False, activation=nn.ReLU, stride=2),
    Row(3, 24, 88, 24, squeezes=False, activation=nn.ReLU, stride=1),
    Row(5, 24, 96, 40, squeezes=True, activation=nn.Hardswish, stride=2),
    Row(5, 40, 240, 40, squeezes=True, activation=nn.Hardswish, stride=1),
    Row(5, 40, 240, 40, squeezes=True, activation=nn.Hardswish, stride=1),
    Row(5, 40, 120, 48, squeezes=True, activation=nn.Hardswish, stride=1),
    Row(5, 48, 144, 48, squeezes=True, activation=nn.Hardswish, stride=1),
    Row(5, 48, 288, 96, squeezes=True, activation=nn.Hardswish, stride=2),
    Row(5, 96, 576, 96, squeezes=True, activation=nn.Hardswish, stride=1),
    Row(5, 96, 576, 96, squeezes=True, activation=nn.Hardswish, stride=1),
)


class Bottleneck(nn.Module):
    """Expansion, depthwise convolution, squeeze-and-excite, projection, and a residual if shapes allow.

    The expansion is a multiple of the input channels, as in the authors' code: only then width 0.75 has the
    published 44 M multiply-adds.
    """

    def __init__(self, in_channels: int, row: Row, width: float) -> None:
        super().__init__()
        hidden = make_divisible(in_channels * row.expanded / row.in_channels)
        channels = make_divisible(row.channels * width)
        expands = hidden != in_channels
        self.expand = ConvNorm(in_channels, hidden, activation=row.activation) if expands else nn.Identity()
        self.depthwise = ConvNorm(
            hidden, hidden, row.kernel_size, stride=row.stride, groups=hidden, activation=row.activation
        )
        squeezed = make_divisible(hidden / SQUEEZE)
        self.excite = SqueezeExcite(hidden, squeezed) if row.squeezes else nn.Identity()
        self.project = ConvNorm(hidden, channels, activation=nn.Identity)
        self.residual = row.stride == 1 and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.excite(self.depthwise(self.expand(x))))
        return x + y if self.residual else y


class MobileNetV3Small(nn.Module):
    """MobileNetV3-Small of any width.

    Given    x [n, 3, size, size]
    Result   logits [n, num_classes]

    Table 2 shows a squeeze-and-excite after the last convolution as well. With it the network would have 2.7
    M parameters instead of the 2.5 M of table 3, and no implementation has it.
    """

    def __init__(self, width: float, num_classes: int = 1000) -> None:
        super().__init__()
        channels = make_divisible(_STEM * width)
        self.stem = ConvNorm(3, channels, 3, stride=2)
        self.blocks = nn.Sequential()
        for row in SMALL:
            self.blocks.append(Bottleneck(channels, row, width))
            channels = make_divisible(row.channels * width)
        last = make_divisible(_LAST * width)
        self.last = ConvNorm(channels, last)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(last, _HEAD)
        self.activation = nn.Hardswish()
        self.dropout = nn.Dropout(_DROPOUT)
        self.classify = nn.Linear(_HEAD, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.mean(self.last(self.blocks(self.stem(x)))).flatten(1)
        logits: Tensor = self.classify(self.dropout(self.activation(self.hidden(y))))
        return logits
