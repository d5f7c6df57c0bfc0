"""Channel shuffles: PyTorch's own is ours."""

import torch
from torch import fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer
from micronet_edge.models import ChannelShuffle

_spells = VOCABULARY.spells
_MAP_RANK = 4


@_spells(nn.ChannelShuffle)
def channel_shuffle_layer(write: Writer, layer: nn.ChannelShuffle, x: fx.Node) -> fx.Node:
    return channel_shuffle(write, x, layer.groups)


@_spells(torch.channel_shuffle, torch.native_channel_shuffle, functional.channel_shuffle)
def channel_shuffle(write: Writer, x: fx.Node, groups: int) -> fx.Node:
    old = shape_of(x)
    if len(old) == _MAP_RANK and batch_axis(x) == 0:
        return write("shuffle", ChannelShuffle(groups), x)
    apart = write.reshape(x, (old[0], groups, old[1] // groups, *old[2:]), batch_axis(x))
    turned = write.permute(apart, (0, 2, 1, *range(3, len(old) + 1)))
    return write.reshape(turned, old, batch_axis(x))
