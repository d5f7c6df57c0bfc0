"""Gives the first activation finer steps: several saturating channels in the place of one."""

from dataclasses import dataclass

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import (
    bias_of,
    conv_at,
    corrects_borders,
    is_dense,
    with_inputs,
    with_weights,
)
from micronet_edge.lowering.ir.frozen_shift_max import RELU6_SPAN
from micronet_edge.lowering.ir.graph import calls, feeds_only, module_of, only_input, replace_module, shape_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant

TILE = 8
"""Output channels that any integer matrix product of XNNPACK computes at a time: fewer cost as much."""


class SplitRelu6Range(Pass):
    """Splits the ReLU6 behind the stem into parts that saturate one after the other.

    Given    dense conv [-> border correction] -> ReLU6, c channels -> dense conv, decomposed
    Result   conv, m * c channels -> clip to 0..6/m -> dense conv with every weight m times:
             relu6(x) = sum over i < m of  clip(x - 6 i / m, 0, 6 / m)

    In float nothing changes. In int8 every part has 255 steps of its own, so that the sum, which the
    next convolution's accumulator makes, is rounded m times as finely. Two thirds of all the noise of a
    quantized m0 came from this one tensor: whole photographs differ by a few of its steps.
    """

    def change(self, network: fx.GraphModule) -> int:
        found = find_saturation(network)
        if found is None:
            return 0
        parts = TILE // shape_of(found.clip)[1]
        replace_module(network, found.conv, _split_outputs(conv_at(found.conv), parts))
        if found.border is not None:
            border = module_of(found.border)
            assert isinstance(border, AddConstant)
            replace_module(network, found.border, AddConstant(border.constant.repeat(1, parts, 1, 1)))
        replace_module(network, found.clip, nn.Hardtanh(0.0, RELU6_SPAN / parts))
        behind = conv_at(found.behind)
        replace_module(network, found.behind, with_inputs(behind, behind.weight.repeat(1, parts, 1, 1)))
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        if find_saturation(network) is not None:
            raise LoweringError("the first activation could still be split")


@dataclass(frozen=True, slots=True)
class Saturation:
    """The first ReLU6 with the layers around it."""

    conv: fx.Node
    border: fx.Node | None
    clip: fx.Node
    behind: fx.Node


def find_saturation(network: fx.GraphModule) -> Saturation | None:
    """The first clip, if a ReLU6, where the convolutions around it are dense and it is narrow enough."""
    clip = next((node for node, _ in calls(network, nn.Hardtanh)), None)  # a ReLU6 is one, so are its parts
    if clip is None or len(clip.users) != 1 or only_input(clip).op != "call_module":
        return None
    border = only_input(clip) if corrects_borders(only_input(clip)) else None
    found = Saturation(
        conv=only_input(clip if border is None else border),
        border=border,
        clip=clip,
        behind=next(iter(clip.users)),
    )
    dense = all(is_dense(module_of(node)) for node in (found.conv, found.behind))
    alone = feeds_only(found.conv, border or clip) and feeds_only(border or found.conv, clip)
    narrow = isinstance(module_of(clip), nn.ReLU6) and shape_of(clip)[1] <= TILE // 2
    return found if dense and alone and narrow else None


def _split_outputs(conv: nn.Conv2d, parts: int) -> nn.Conv2d:
    shifted = torch.cat([bias_of(conv) - RELU6_SPAN * part / parts for part in range(parts)])
    return with_weights(conv, conv.weight.repeat(parts, 1, 1, 1), shifted)
