"""Convolutions that multiply channels become depthwise ones of repeated channels."""

import pytest
import torch
from costs import ONNXRUNTIME_COSTS
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    assert_once_is_enough,
    assert_untouched,
    layer,
    operators,
    rewritten,
    shift_max,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering.ir.reorder import Repeat
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.permute_channels import PermuteChannels
from micronet_edge_onnx.passes.repeat_channels import RepeatChannels

REPEAT = RepeatChannels()


@given(
    channels=st.integers(2, 4),
    copies=st.integers(2, 4),
    kernel=st.sampled_from([(3, 1), (1, 3), (3, 3)]),
    stride=st.integers(1, 2),
    biased=st.booleans(),
)
def test_a_multiplying_convolution_becomes_depthwise(channels, copies, kernel, stride, biased):
    settings = {"stride": stride, "padding": (kernel[0] // 2, kernel[1] // 2), "groups": channels}
    conv = nn.Conv2d(channels, channels * copies, kernel, bias=biased, **settings)
    network, applied = rewritten(REPEAT, traced(stem(channels), conv))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "Repeat", "Conv2d", "ChannelShuffle"]
    assert layer(network, nn.Conv2d, 1).groups == channels * copies
    assert_once_is_enough(REPEAT, network)


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 4, 3, groups=4),
        nn.Conv2d(4, 8, 3),
        nn.Conv2d(4, 8, 3, groups=2),
        nn.Conv2d(4, 8, 1, groups=4),
        nn.Conv2d(1, 8, 3),
    ],
    ids=["depthwise", "dense", "two inputs a group", "one pixel", "one channel"],
)
def test_other_convolutions_stay(conv):
    assert_untouched(REPEAT, traced(stem(conv.in_channels), conv))


def test_the_shuffle_behind_vanishes_in_the_order_of_an_activation():
    multiplying = nn.Conv2d(4, 12, 3, padding=1, groups=4)
    network, _ = rewritten(
        FreezeShiftMax(), traced(stem(4), multiplying, shift_max(12, 3), nn.Conv2d(12, 2, 1))
    )
    repeated, _ = rewritten(REPEAT, network)
    relabelled, _ = rewritten(PermuteChannels(ONNXRUNTIME_COSTS), repeated)
    assert operators(relabelled) == ["Conv2d", "Repeat", "Conv2d", "FrozenShiftMax", "Conv2d"]
    assert layer(relabelled, Repeat).index == (0, 1, 2, 3) * 3


def test_a_repeat_reads_where_its_index_says():
    x = torch.randn(2, 3, 2, 2)
    assert torch.equal(Repeat((2, 0, 1, 1, 2, 0), 2)(x), x[:, [2, 0, 1, 1, 2, 0]])
    assert Repeat.whole(3, 2).index == (0, 1, 2, 0, 1, 2)
