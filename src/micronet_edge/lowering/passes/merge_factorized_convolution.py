"""Merges a K x 1 convolution and the 1 x K behind it into one K x K, right at the borders too."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import BorderedConv, with_weights
from micronet_edge.lowering.ir.graph import (
    bypass,
    calls,
    feeds_only,
    module_of,
    only_input,
    replace_module,
    shape_of,
)
from micronet_edge.lowering.ir.pass_base import Pass


class MergeFactorizedConvolution(Pass):
    """Merges the two halves of a factorized convolution where that is the faster form.

    Given    x -> Conv2d K x 1 with bias b -> Conv2d 1 x K, one input channel per group -> y
    Result   x -> Conv2d K x K -> + bias map [1, d, 1, w'] -> y

    The second convolution pads with zeros what the first left at b, so near the left and right edge
    the merged bias lacks the taps that fall outside. Pairs of a stride below `minimum_stride` that keep
    the number of channels stay separate: there two passes are less work than one of K x K.
    """

    def __init__(self, minimum_stride: int = 2) -> None:
        self.minimum_stride = minimum_stride

    def change(self, network: fx.GraphModule) -> int:
        pairs = [node for node, _ in calls(network, nn.Conv2d) if self._matches(node)]
        for node in pairs:
            vertical_node = only_input(node)
            vertical, horizontal = module_of(vertical_node), module_of(node)
            assert isinstance(vertical, nn.Conv2d)
            assert isinstance(horizontal, nn.Conv2d)
            merged = _merged(vertical, horizontal, input_width=shape_of(vertical_node)[3])
            replace_module(network, node, merged)
            bypass(network, vertical_node)
        return len(pairs)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, nn.Conv2d):
            if self._matches(node):
                raise LoweringError(f"{node.target} could have been merged")

    def _matches(self, node: fx.Node) -> bool:
        producer = only_input(node)
        vertical, horizontal = module_of(producer), module_of(node)
        if not (isinstance(vertical, nn.Conv2d) and isinstance(horizontal, nn.Conv2d)):
            return False
        return (
            feeds_only(producer, node)
            and is_plain_pair(vertical, horizontal)
            and (horizontal.stride[1] >= self.minimum_stride or _multiplies(vertical, horizontal))
        )


def _multiplies(vertical: nn.Conv2d, horizontal: nn.Conv2d) -> bool:
    return horizontal.out_channels > vertical.in_channels


def is_plain_pair(vertical: nn.Conv2d, horizontal: nn.Conv2d) -> bool:
    """Whether they are K x 1 and 1 x K, centred, with one input channel for each group of the second."""
    return (
        vertical.kernel_size[1] == 1 < vertical.kernel_size[0]
        and horizontal.kernel_size[0] == 1 < horizontal.kernel_size[1]
        and vertical.stride[1] == horizontal.stride[0] == 1
        and vertical.dilation == horizontal.dilation == (1, 1)
        and vertical.padding_mode == horizontal.padding_mode == "zeros"
        and tuple(vertical.padding) == (vertical.kernel_size[0] // 2, 0)
        and tuple(horizontal.padding) == (0, horizontal.kernel_size[1] // 2)
        and horizontal.groups == horizontal.in_channels
    )


def merged_conv(vertical: nn.Conv2d, horizontal: nn.Conv2d, bias: Tensor | None) -> nn.Conv2d:
    """The K x K convolution of both halves, with that bias."""
    copies = horizontal.out_channels // horizontal.in_channels
    tall = vertical.weight.detach().double().repeat_interleave(copies, 0)
    wide = horizontal.weight.detach().double()
    shape = nn.Conv2d(
        vertical.in_channels,
        horizontal.out_channels,
        (vertical.kernel_size[0], horizontal.kernel_size[1]),
        (vertical.stride[0], horizontal.stride[1]),
        (vertical.kernel_size[0] // 2, horizontal.kernel_size[1] // 2),
        groups=vertical.groups,
        bias=False,
    )
    return with_weights(shape, tall * wide, bias)


def _merged(vertical: nn.Conv2d, horizontal: nn.Conv2d, input_width: int) -> nn.Module:
    bias_map = _bias_map(vertical, horizontal, input_width)
    if torch.equal(bias_map, bias_map[..., :1].expand_as(bias_map)):
        return merged_conv(vertical, horizontal, bias_map[0, :, 0, 0])
    return BorderedConv(merged_conv(vertical, horizontal, None), bias_map.float())


def _bias_map(vertical: nn.Conv2d, horizontal: nn.Conv2d, input_width: int) -> Tensor:
    """What the pair gives on an image of zeros: [1, d, 1, w']."""
    middle = torch.zeros(1, horizontal.in_channels, 1, input_width, dtype=torch.float64)
    if vertical.bias is not None:
        middle += vertical.bias.detach().double().view(1, -1, 1, 1)
    return torch.nn.functional.conv2d(
        middle,
        horizontal.weight.detach().double(),
        None if horizontal.bias is None else horizontal.bias.detach().double(),
        stride=horizontal.stride,
        padding=horizontal.padding,
        groups=horizontal.groups,
    )
