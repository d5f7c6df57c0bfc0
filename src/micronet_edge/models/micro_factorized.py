"""Micro-Factorized convolution: low-rank, sparsely connected pointwise and depthwise convolution.

Source: arXiv 2108.05894, section 3 (pointwise: equation 1 and figure 2; depthwise: figure 3).
"""

from collections import OrderedDict
from functools import cache

from torch import Tensor, nn

from micronet_edge.errors import SettingsError
from micronet_edge.models.activation_training import fused_clip, is_watched, order_after
from micronet_edge.models.gradient_wanted import gradient_wanted
from micronet_edge.models.stem_training import train_layer
from micronet_edge.models.training_functions import channel_shuffle
from micronet_edge.models.training_kernels import can_run
from micronet_edge.util.text import plural


def _check_groups(groups: int, **channels: int) -> None:
    for name, count in channels.items():
        if groups < 1 or count < 1 or count % groups:
            raise SettingsError(
                f"{plural(count, f'{name} channel')} cannot be split into {plural(groups, 'group')}"
            )


@cache
def _shuffled(channels: int, groups: int) -> tuple[int, ...]:
    _check_groups(groups, shuffled=channels)
    width = channels // groups
    return tuple(channel for first in range(width) for channel in range(first, channels, width))


class ChannelShuffle(nn.Module):
    """Interleaves the groups: channel (g, i) becomes channel (i, g).

    Given    x [n, groups * c, h, w]
    Result   y [n, c * groups, h, w]
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def source(self, channels: int) -> tuple[int, ...]:
        """The input channel that each output channel reads."""
        return _shuffled(channels, self.groups)

    def forward(self, x: Tensor) -> Tensor:
        if gradient_wanted(x):
            return channel_shuffle(x, self.groups)
        n, channels, height, width = x.shape
        qparams = x.view(n, self.groups, channels // self.groups, height, width)
        return qparams.transpose(1, 2).contiguous().view(n, channels, height, width)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class GroupedPointwise(nn.Sequential):
    """One factor of a micro-factorized pointwise convolution: a grouped 1 x 1 and its batch norm.

    Given    x [n, in_channels, h, w]
    Result   y [n, out_channels, h, w]
    Raises SettingsError unless `groups` divides both channel counts.
    """

    def __init__(self, in_channels: int, out_channels: int, groups: int) -> None:
        _check_groups(groups, input=in_channels, output=out_channels)
        super().__init__(
            OrderedDict(
                conv=nn.Conv2d(in_channels, out_channels, 1, groups=groups, bias=False),
                norm=nn.BatchNorm2d(out_channels),
            )
        )


class MicroFactorizedPointwise(nn.Sequential):
    """A complete micro-factorized pointwise convolution, W = P . shuffle . Q^T.

    Given    x [n, in_channels, h, w]
    Result   y [n, out_channels, h, w], of rank at most `hidden_channels`

    Q^T compresses to `hidden_channels` in groups[0] groups, P expands in groups[1] groups; the
    shuffle between them connects every output to every input when groups[0] * groups[1] is at most
    `hidden_channels` (section 3.1). The released networks put activations and the depthwise
    convolution between the factors, so their blocks use GroupedPointwise and ChannelShuffle.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, out_channels: int, groups: tuple[int, int]
    ) -> None:
        super().__init__(
            OrderedDict(
                compress=GroupedPointwise(in_channels, hidden_channels, groups[0]),
                shuffle=ChannelShuffle(groups[0]),
                expand=GroupedPointwise(hidden_channels, out_channels, groups[1]),
            )
        )


class MicroFactorizedDepthwise(nn.Sequential):
    """A depthwise K x K convolution as K x 1 and 1 x K, each with an optional channel multiplier.

    Given    x [n, c, h, w]
    Result   y [n, c * expansion[0] * expansion[1], h / stride, w / stride]
    """

    def __init__(
        self, channels: int, kernel_size: int, *, stride: int = 1, expansion: tuple[int, int] = (1, 1)
    ) -> None:
        middle = channels * expansion[0]
        width = middle * expansion[1]
        super().__init__(
            OrderedDict(
                vertical=vertical_conv(channels, middle, kernel_size, stride, groups=channels),
                vertical_norm=nn.BatchNorm2d(middle),
                horizontal=horizontal_conv(middle, width, kernel_size, stride, groups=middle),
                horizontal_norm=nn.BatchNorm2d(width),
            )
        )


class FactorizedStem(nn.Sequential):
    """The first layer: a K x K convolution as a dense K x 1 and a grouped 1 x K, then ReLU6.

    Given    x [n, in_channels, h, w]
    Result   y [n, groups[0] * groups[1], h / stride, w / stride]
    """

    def __init__(
        self, in_channels: int, groups: tuple[int, int], *, kernel_size: int = 3, stride: int = 2
    ) -> None:
        middle, width = groups[0], groups[0] * groups[1]
        super().__init__(
            OrderedDict(
                vertical=vertical_conv(in_channels, middle, kernel_size, stride),
                vertical_norm=nn.BatchNorm2d(middle),
                horizontal=horizontal_conv(middle, width, kernel_size, stride, groups=middle),
                horizontal_norm=nn.BatchNorm2d(width),
                shuffle=ChannelShuffle(middle),
                activation=nn.ReLU6(),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and gradient_wanted(*self.parameters())):
            y: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return y
        *convolutions, shuffle, activation = self
        for layer in convolutions:
            x = train_layer(layer, x)
        watched = is_watched(shuffle) or is_watched(activation)
        usual = type(activation) is nn.ReLU6 and not watched
        if isinstance(shuffle, ChannelShuffle) and usual and can_run(x):
            return fused_clip(x, order_after(x.shape[1], (), (shuffle.source(x.shape[1]),)), (0.0, 6.0))
        return train_layer(activation, train_layer(shuffle, x))


def vertical_conv(inputs: int, outputs: int, kernel_size: int, stride: int, groups: int = 1) -> nn.Conv2d:
    """A K x 1 convolution that keeps the width."""
    padding = (kernel_size // 2, 0)
    return nn.Conv2d(inputs, outputs, (kernel_size, 1), (stride, 1), padding, groups=groups, bias=False)


def horizontal_conv(inputs: int, outputs: int, kernel_size: int, stride: int, groups: int = 1) -> nn.Conv2d:
    """A 1 x K convolution that keeps the height."""
    padding = (0, kernel_size // 2)
    return nn.Conv2d(inputs, outputs, (1, kernel_size), (1, stride), padding, groups=groups, bias=False)
