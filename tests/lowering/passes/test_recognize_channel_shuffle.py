"""A channel shuffle of three calls is one layer; what only looks like one stays."""

import pytest
import torch
from lowering.networks import assert_same, operators
from torch import nn

from micronet_edge.lowering import apply
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.recognize_channel_shuffle import RecognizeChannelShuffle

PROBE = torch.randn(1, 12, 5, 7, generator=torch.Generator().manual_seed(0))


class Shuffle(nn.Module):
    """As users write it."""

    def __init__(self, groups, first=1, second=2):
        super().__init__()
        self.groups, self.axes = groups, (first, second)

    def forward(self, x):
        n, c, h, w = x.size()
        apart = x.view(n, self.groups, c // self.groups, h, w)
        return torch.transpose(apart, *self.axes).contiguous().view(n, c, h, w)


class ReadTwice(Shuffle):
    """The tensor in the middle is read by another layer as well."""

    def forward(self, x):
        n, c, h, w = x.size()
        apart = x.view(n, self.groups, c // self.groups, h, w)
        return torch.transpose(apart, 1, 2).reshape(n, c, h, w) + apart.mean((1, 2)).unsqueeze(1)


def recognized(module):
    network, _ = apply(Canonicalize(), trace(nn.Sequential(nn.ReLU(), module, nn.ReLU()), (PROBE,)), PROBE)
    once, _ = apply(RecognizeChannelShuffle(), network, PROBE)
    twice, applied = apply(RecognizeChannelShuffle(), once, PROBE)
    assert applied.places == 0
    assert_same(twice, once)
    return operators(once)


@pytest.mark.parametrize("groups", [2, 3, 4, 6])
def test_three_calls_are_one_layer(groups):
    assert recognized(Shuffle(groups)) == ["ReLU", "ChannelShuffle", "ReLU"]


@pytest.mark.parametrize("module", [Shuffle(2, 3, 4), Shuffle(2, 1, 3), ReadTwice(2)])
def test_other_moves_stay(module):
    assert "ChannelShuffle" not in recognized(module)
