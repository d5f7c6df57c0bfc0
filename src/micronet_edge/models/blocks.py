"""The three blocks of the family.

Source: arXiv 2108.05894, section 5 and figure 6; the shuffles are those of the released networks.
"""

from torch import Tensor, nn

from micronet_edge.models.dynamic_shift_max import DynamicShiftMax
from micronet_edge.models.family import STATIC, Block, Coefficients
from micronet_edge.models.micro_factorized import (
    ChannelShuffle,
    GroupedPointwise,
    MicroFactorizedDepthwise,
)
from micronet_edge.models.shuffled_activation import shuffled_activation

REDUCTION = 8
"""Channels per unit of the squeeze layer, before a block's own ratio."""


def _activation(
    channels: int, groups: int, fusions: int, reduction: int, initial: Coefficients
) -> DynamicShiftMax | None:
    """The dynamic activation; None if the block has another one."""
    if fusions == STATIC:
        return None
    return DynamicShiftMax(channels, groups, fusions=fusions, reduction=reduction, initial=initial[:fusions])


def _shuffle(*groups: int) -> nn.Sequential:
    return nn.Sequential(*(ChannelShuffle(count) for count in groups))


class DepthwiseExpansionBlock(nn.Module):
    """Expands with the depthwise convolution, compresses with a grouped pointwise one.

    Given    x [n, in_channels, h, w]
    Result   y [n, block.channels, h / stride, w / stride]
    """

    def __init__(self, in_channels: int, block: Block, initial: Coefficients) -> None:
        super().__init__()
        first, second = block.depthwise_expansion
        hidden = in_channels * first * second
        reduction = REDUCTION * block.squeeze_ratio
        _, middle_fusions, last_fusions = block.fusions
        self.depthwise = MicroFactorizedDepthwise(
            in_channels, block.kernel_size, stride=block.stride, expansion=block.depthwise_expansion
        )
        self.depthwise_activation = (
            _activation(hidden, block.groups, middle_fusions, reduction, initial) or nn.ReLU6()
        )
        self.depthwise_shuffle = _shuffle(block.groups, *([hidden // 2] if middle_fusions else []))
        self.project = GroupedPointwise(hidden, block.channels, block.project_groups)
        self.project_activation = (
            _activation(block.channels, block.project_groups, last_fusions, reduction // 2, initial)
            or nn.Identity()
        )
        even = block.channels % 2 == 0
        self.project_shuffle = _shuffle(
            block.project_groups, *([block.channels // 2] if last_fusions and even else [])
        )
        self.residual = block.stride == 1 and in_channels == block.channels

    def forward(self, x: Tensor) -> Tensor:
        y = shuffled_activation(self.depthwise_activation, self.depthwise_shuffle, self.depthwise(x))
        y = shuffled_activation(self.project_activation, self.project_shuffle, self.project(y))
        return x + y if self.residual else y


class PointwiseExpansionBlock(nn.Module):
    """Expands with a grouped pointwise convolution, then depthwise, then compresses.

    Given    x [n, in_channels, h, w]
    Result   y [n, block.channels, h / stride, w / stride]
    """

    def __init__(self, in_channels: int, block: Block, initial: Coefficients) -> None:
        super().__init__()
        hidden = in_channels * block.pointwise_expansion
        reduction = REDUCTION * block.squeeze_ratio
        first_fusions, middle_fusions, last_fusions = block.fusions
        self.expand = GroupedPointwise(in_channels, hidden, block.groups)
        self.expand_activation = (
            _activation(hidden, block.groups, first_fusions, reduction, initial) or nn.ReLU6()
        )
        self.expand_shuffle = _shuffle(block.groups)
        self.depthwise = MicroFactorizedDepthwise(hidden, block.kernel_size, stride=block.stride)
        # The shuffle has swapped the axes (group, position), so the other axis gives the groups.
        transposed_groups = hidden // block.groups if block.groups != 1 else 1
        self.depthwise_activation = (
            _activation(hidden, transposed_groups, middle_fusions, reduction, initial) or nn.ReLU6()
        )
        self.depthwise_shuffle = _shuffle(*_depthwise_shuffles(hidden, first_fusions, middle_fusions))
        self.project = GroupedPointwise(hidden, block.channels, block.project_groups)
        last_reduction = reduction // 2 if block.channels < hidden else reduction
        self.project_activation = (
            _activation(block.channels, block.project_groups, last_fusions, last_reduction, initial)
            or nn.Identity()
        )
        self.project_shuffle = _shuffle(
            block.project_groups, *([block.channels // 2] if last_fusions else [])
        )
        self.residual = block.stride == 1 and in_channels == block.channels

    def forward(self, x: Tensor) -> Tensor:
        y = shuffled_activation(self.expand_activation, self.expand_shuffle, self.expand(x))
        y = shuffled_activation(self.depthwise_activation, self.depthwise_shuffle, self.depthwise(y))
        y = shuffled_activation(self.project_activation, self.project_shuffle, self.project(y))
        return x + y if self.residual else y


def _depthwise_shuffles(hidden: int, first_fusions: int, middle_fusions: int) -> list[int]:
    if first_fusions and middle_fusions:
        return [hidden // 4]
    if first_fusions or middle_fusions:
        return [hidden // 2]
    return []


class ExpansionBlock(nn.Module):
    """The last block: only the expansion, whose output the classifier pools.

    Given    x [n, in_channels, h, w]
    Result   y [n, in_channels * block.pointwise_expansion, h, w]
    """

    def __init__(self, in_channels: int, block: Block, initial: Coefficients) -> None:
        super().__init__()
        hidden = in_channels * block.pointwise_expansion
        reduction = REDUCTION * block.squeeze_ratio
        self.expand = GroupedPointwise(in_channels, hidden, block.groups)
        self.expand_activation = (
            _activation(hidden, block.groups, block.fusions[2], reduction, initial) or nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.expand_activation(self.expand(x))
        return y


def build_block(in_channels: int, block: Block, initial: Coefficients) -> nn.Module:
    """Builds the block that the settings describe."""
    if block.project_groups == 0:
        return ExpansionBlock(in_channels, block, initial)
    if block.pointwise_expansion == 1:
        return DepthwiseExpansionBlock(in_channels, block, initial)
    return PointwiseExpansionBlock(in_channels, block, initial)
