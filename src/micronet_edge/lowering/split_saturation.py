"""Gives the first activation finer steps: several saturating channels in the place of one."""

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.contract import Rewrite
from micronet_edge.lowering.convolutions import BorderedConv, conv_of, with_conv, with_weights
from micronet_edge.lowering.freeze_shift_max import RELU6_SPAN
from micronet_edge.lowering.graph import calls, feeds_only, module_of, only_input, replace_module, shape_of

TILE = 16
"""Output channels that an integer matrix product computes at a time: fewer cost as much."""


class SplitSaturation(Rewrite):
    """Splits the ReLU6 behind the stem into parts that saturate one after the other.

    Given    dense conv -> ReLU6, c channels -> dense conv
    Result   conv, m * c channels -> clip to 0..6/m -> dense conv with every weight m times:
             relu6(x) = sum over i < m of  clip(x - 6 i / m, 0, 6 / m)

    In float nothing changes. In int8 every part has 255 steps of its own, so that the sum, which the
    next convolution's accumulator makes, is rounded m times as finely. Two thirds of all the noise of a
    quantized m0 came from this one tensor: whole photographs differ by a few of its steps.
    """

    def change(self, network: fx.GraphModule) -> int:
        found = _found(network)
        if found is None:
            return 0
        before, clip, behind = found
        channels = shape_of(clip)[1]
        parts = TILE // channels
        replace_module(network, before, _split_outputs(module_of(before), parts))
        replace_module(network, clip, nn.Hardtanh(0.0, RELU6_SPAN / parts))
        replace_module(network, behind, _repeat_inputs(module_of(behind), parts))
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        if _found(network) is not None:
            raise LoweringError("the first activation could still be split")


def _found(network: fx.GraphModule) -> tuple[fx.Node, fx.Node, fx.Node] | None:
    """The first clip, if a ReLU6, with the convolutions around it, where all three are as they must be."""
    for clip, layer in calls(network, nn.Hardtanh):  # a ReLU6 is one, and so are the parts of a split one
        before = only_input(clip)
        readers = list(clip.users)
        behind = conv_of(module_of(readers[0])) if len(readers) == 1 else None
        around = (conv_of(module_of(before)), behind)
        dense = all(conv is not None and conv.groups == 1 for conv in around)
        fits = isinstance(layer, nn.ReLU6) and dense and feeds_only(before, clip)
        if fits and shape_of(clip)[1] <= TILE // 2:
            return before, clip, readers[0]
        return None
    return None


def _split_outputs(layer: nn.Module | None, parts: int) -> nn.Module:
    conv = conv_of(layer)
    assert conv is not None
    assert layer is not None
    bias = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias
    shifted = torch.cat([bias - RELU6_SPAN * part / parts for part in range(parts)])
    split = with_weights(conv, conv.weight.repeat(parts, 1, 1, 1), shifted)
    if isinstance(layer, BorderedConv):
        return BorderedConv(split, layer.bias_map.repeat(1, parts, 1, 1))
    return split


def _repeat_inputs(layer: nn.Module | None, parts: int) -> nn.Module:
    conv = conv_of(layer)
    assert conv is not None
    assert layer is not None
    weight = conv.weight.repeat(1, parts, 1, 1)
    wider = nn.Conv2d(conv.in_channels * parts, conv.out_channels, 1)
    wider.stride, wider.padding, wider.dilation = conv.stride, conv.padding, conv.dilation
    return with_conv(layer, with_weights(wider, weight, conv.bias))
