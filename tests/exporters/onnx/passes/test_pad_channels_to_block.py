"""Depthwise convolutions of whole blocks: the same numbers, however the blocks are filled."""

import numpy as np
import pytest
from costs import ONNXRUNTIME_COSTS
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    assert_once_is_enough,
    assert_untouched,
    count,
    layer,
    operators,
    rewritten,
    shift_max,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering.passes import permute_channels as relabel_channels
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.permute_channels import PermuteChannels
from micronet_edge_onnx.passes.pad_channels_to_block import PadChannelsToBlock
from micronet_edge_onnx.passes.repeat_channels import RepeatChannels


def multiplying(channels, copies):
    return nn.Conv2d(channels, channels * copies, 3, padding=1, groups=channels)


def repeated(*layers):
    """The layers, in the order of channels that ONNX Runtime gets."""
    network = traced(*layers)
    for pass_ in (FreezeShiftMax(), RepeatChannels(), PermuteChannels(ONNXRUNTIME_COSTS)):
        network, _ = rewritten(pass_, network)
    return network


def filled(block, network):
    result, _ = rewritten(PadChannelsToBlock(block), network)
    assert_once_is_enough(PadChannelsToBlock(block), result)
    assert count(result, "Repeat") == 0
    assert all(conv.in_channels % block == 0 for conv in depthwise(result))
    return result


def depthwise(network):
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    return [conv for conv in convs if conv.groups == conv.in_channels > 1]


@given(
    channels=st.integers(1, 6),
    copies=st.integers(2, 4),
    block=st.sampled_from([4, 8]),
    seed=st.integers(0, 2**16),
)
def test_the_convolutions_around_take_copies_in_any_order(channels, copies, block, seed):
    network, _ = rewritten(
        RepeatChannels(),
        traced(stem(channels), multiplying(channels, copies), nn.ReLU6(), stem_behind(channels * copies)),
    )
    rng = np.random.default_rng(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            relabel_channels,
            "choose_channel_orders",
            lambda classes, _: {group: rng.permutation(group.channels) for group in classes.ordered},
        )
        network, _ = rewritten(PermuteChannels(ONNXRUNTIME_COSTS), network)
    moved = count(network, "GatheredReorder")  # the shuffle, in orders that do not let it vanish
    assert count(filled(block, network), "GatheredReorder") <= moved + 1


def stem_behind(channels):
    return nn.Conv2d(channels, 3, 1)


def test_a_convolution_in_front_gives_what_fills_the_block():
    network = filled(8, repeated(stem(3), nn.ReLU6(), multiplying(3, 2), nn.ReLU6(), stem_behind(6)))
    assert operators(network) == ["Conv2d", "ReLU6", "Conv2d", "ReLU6", "Conv2d"]
    assert [layer(network, nn.Conv2d, number).out_channels for number in range(3)] == [8, 8, 3]


def test_a_block_with_every_channel_twice_gives_two_copies_at_once():
    network = filled(8, repeated(stem(4), multiplying(4, 4), stem_behind(16)))
    assert [conv.out_channels for conv in depthwise(network)] == [8, 8]
    assert operators(network) == ["Conv2d", "Conv2d", "Conv2d", "Concatenate", "Conv2d"]


def test_an_activation_stays_with_its_convolution():
    network = filled(8, repeated(stem(8), multiplying(8, 2), nn.ReLU6(), stem_behind(16)))
    assert operators(network) == [
        *["Conv2d"] * 3,
        *["ReLU6"] * 2,
        "Concatenate",
        "Conv2d",
    ]


def test_two_convolutions_share_what_fills_the_block():
    layers = stem(3), multiplying(3, 2), multiplying(6, 2), stem_behind(12)
    network = filled(8, repeated(*layers))
    assert count(network, "GatheredReorder") == 0
    assert [conv.out_channels for conv in depthwise(network)] == [8, 8, 8]


def test_a_shift_reads_its_channels_where_they_are():
    network = filled(8, repeated(stem(6), multiplying(6, 2), shift_max(12, 3), stem_behind(12)))
    assert operators(network) == ["Conv2d", "Conv2d", "Conv2d", "Concatenate", "FrozenShiftMax", "Conv2d"]


@pytest.mark.parametrize(
    "behind",
    [nn.PReLU(12), nn.Sequential(nn.Sigmoid(), stem_behind(12))],
    ids=["unknown layer", "activation that is not known"],
)
def test_other_layers_get_their_channels_picked(behind):
    network = filled(8, repeated(stem(6), multiplying(6, 2), behind))
    assert count(network, "GatheredReorder") >= 1


def test_a_tensor_that_others_read_as_well_is_filled_by_itself():
    class ReadTwice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.depthwise = stem(6), nn.Conv2d(6, 6, 3, padding=1, groups=6)

        def forward(self, x):
            y = self.conv(x)
            return y + self.depthwise(y)

    network = filled(8, repeated(ReadTwice()))
    assert layer(network, nn.Conv2d).out_channels == 6
    assert count(network, "GatheredReorder") == 2  # before the convolution and behind it


def test_whole_blocks_stay():
    assert_untouched(PadChannelsToBlock(8), repeated(stem(8), nn.Conv2d(8, 8, 3, groups=8), stem_behind(8)))
