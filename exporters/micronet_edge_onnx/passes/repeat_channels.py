"""Writes convolutions that multiply channels as depthwise ones of repeated channels."""

from math import prod

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, conv_at, depthwise
from micronet_edge.lowering.ir.graph import calls, only_input, replace_module
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.reorder import Repeat
from micronet_edge.models import ChannelShuffle


class RepeatChannels(Pass):
    """Replaces a channel multiplier by repeated channels, for runtimes fast only at depthwise convolutions.

    Given    x -> Conv2d K x K, K > 1, of several groups, of one channel each and several filters -> y
    Result   x -> Repeat -> depthwise Conv2d -> ChannelShuffle -> y
    """

    def change(self, network: fx.GraphModule) -> int:
        nodes = [node for node, conv in calls(network, nn.Conv2d) if _multiplies(conv)]
        for node in nodes:
            _repeat(network, node)
        return len(nodes)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, conv in calls(network, nn.Conv2d):
            if _multiplies(conv):
                raise LoweringError(f"{node.target} still multiplies channels")


def _multiplies(conv: nn.Conv2d) -> bool:
    """Not that of a single channel, which is dense as well, and as such as fast as any."""
    return 1 < conv.groups == conv.in_channels < conv.out_channels and prod(conv.kernel_size) > 1


def _repeat(network: fx.GraphModule, node: fx.Node) -> None:
    conv = conv_at(node)
    channels = conv.in_channels
    copies = conv.out_channels // channels
    order = torch.arange(conv.out_channels).view(channels, copies).t().flatten()
    repeat, shuffle = f"{node.target}/repeat", f"{node.target}/deal"
    network.add_module(repeat, Repeat.whole(channels, copies))
    network.add_module(shuffle, ChannelShuffle(copies))
    with network.graph.inserting_before(node):
        node.args = (network.graph.call_module(repeat, (only_input(node),)),)
    with network.graph.inserting_after(node):
        dealt = network.graph.call_module(shuffle, (node,))
    node.replace_all_uses_with(dealt, delete_user_cb=lambda user: user is not dealt)
    replace_module(network, node, depthwise(conv, conv.weight[order], bias_of(conv)[order]))
