"""The layers of the baselines."""

from torch import Tensor, nn

SQUEEZE = 4
"""Channels per unit of the squeeze layer, in both families."""

_DIVISOR = 8
_LEAST_SHARE = 0.9


def make_divisible(channels: float) -> int:
    """The nearest multiple of 8, at least 8, that removes at most a tenth of the channels."""
    rounded = max(_DIVISOR, int(channels + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return rounded + _DIVISOR if rounded < _LEAST_SHARE * channels else rounded


class ConvNorm(nn.Sequential):
    """Convolution with same padding, batch norm and activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        activation: type[nn.Module] = nn.Hardswish,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            kernel_size // 2,
            groups=groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = activation()


class SqueezeExcite(nn.Module):
    """Squeeze-and-excite: every channel times a factor in 0..1, computed from the means of all channels.

    Given    x [n, c, h, w]
    Result   y [n, c, h, w] = x * hard_sigmoid(excite(relu(squeeze(mean of x))))

    Source: arXiv 1905.02244, section 5.3.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.squeezed = nn.ReLU()
        self.excite = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.gate(self.excite(self.squeezed(self.squeeze(self.mean(x)))))
        return y * x
