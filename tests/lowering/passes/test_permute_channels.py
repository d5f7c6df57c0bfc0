"""Channels in another order: no shuffle left, the same function, the same inputs and outputs."""

import itertools

import numpy as np
import pytest
import torch
from costs import ONNXRUNTIME, ONNXRUNTIME_COSTS, PORTABLE_COSTS, XNNPACK, XNNPACK_COSTS
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import (
    KEEP_GROUPS,
    NO_COPIES,
    Outputs,
    Residual,
    assert_same,
    assert_untouched,
    count,
    difference,
    images,
    layer,
    operators,
    random_networks,
    rewritten,
    shift_max,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering import apply
from micronet_edge.lowering.ir.channel_order import segments
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.pass_base import SAME_NUMBERS, probe_image
from micronet_edge.lowering.ir.reorder import permutation, reorder
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.lowering.passes import permute_channels as relabel_channels
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.passes.permute_channels import PermuteChannels
from micronet_edge.models import ChannelShuffle, MicroFactorizedPointwise

RELABEL = PermuteChannels(NO_COPIES)


def frozen(*layers, size=8):
    return rewritten(FreezeShiftMax(), traced(*layers, size=size), size)[0]


def most_pieces(network):
    activations = [module for module in network.modules() if isinstance(module, FrozenShiftMax)]
    return max(len(segments(np.array(source))) for one in activations for source in one.sources)


@pytest.fixture
def any_order(monkeypatch):
    """Lets the orders be drawn at random: the pass must be right under every choice."""

    def draw(seed):
        rng = np.random.default_rng(seed)
        monkeypatch.setattr(
            relabel_channels,
            "choose_channel_orders",
            lambda classes, _: {group: rng.permutation(group.channels) for group in classes.ordered},
        )
        return RELABEL

    return draw


@given(groups=st.integers(1, 4), width=st.integers(1, 4))
def test_a_shuffle_between_convolutions_goes_into_their_weights(groups, width):
    channels = groups * width
    network, applied = rewritten(
        RELABEL, traced(stem(channels), ChannelShuffle(groups), stem_behind(channels))
    )
    assert operators(network) == ["Conv2d", "Conv2d"]
    assert applied.places == 1


def stem_behind(channels):
    return nn.Conv2d(channels, 2, 1)


@given(groups=st.integers(1, 5), width=st.integers(1, 5), shifts=st.integers(2, 4), fusions=st.integers(1, 3))
def test_a_shift_between_convolutions_becomes_a_roll(groups, width, shifts, fusions):
    channels = groups * width
    activation = shift_max(channels, groups, shifts, fusions)
    network, _ = rewritten(RELABEL, frozen(stem(channels), activation, stem_behind(channels)))
    assert operators(network) == ["Conv2d", "FrozenShiftMax", "Conv2d"]
    assert most_pieces(network) <= 2


def test_a_block_of_shifts_and_shuffles_becomes_rolls():
    depthwise = nn.Conv2d(24, 24, 3, padding=1, groups=24)
    shuffles = ChannelShuffle(4), ChannelShuffle(12)
    layers = shift_max(24, 4), shuffles[0], depthwise, shift_max(24, 6), shuffles[1]
    network, applied = rewritten(RELABEL, frozen(stem(24), *layers, stem_behind(24)))
    assert operators(network) == ["Conv2d", "FrozenShiftMax", "Conv2d", "FrozenShiftMax", "Conv2d"]
    assert applied.places == 2
    assert most_pieces(network) <= 2


def test_a_residual_sum_is_taken_along():
    body = nn.Conv2d(12, 12, 1), shift_max(12, 4), ChannelShuffle(4)
    network, _ = rewritten(RELABEL, frozen(stem(12), Residual(*body), stem_behind(12)))
    assert operators(network) == ["Conv2d", "Conv2d", "FrozenShiftMax", "add", "Conv2d"]
    assert most_pieces(network) <= 2


def test_a_head_is_taken_along():
    head = nn.AdaptiveAvgPool2d(1), nn.Hardswish(), nn.Flatten(), nn.Linear(12, 5)
    network, _ = rewritten(RELABEL, frozen(stem(12), shift_max(12, 4), ChannelShuffle(4), *head))
    assert count(network, "Reorder") == 0
    assert most_pieces(network) <= 2


def test_a_bordered_convolution_is_taken_along():
    vertical = nn.Conv2d(3, 4, (3, 1), (2, 1), (1, 0))
    horizontal = nn.Conv2d(4, 12, (1, 3), (1, 2), (0, 1), groups=4)
    layers = vertical, horizontal, ChannelShuffle(4), shift_max(12, 4), stem_behind(12)
    merged, _ = rewritten(MergeFactorizedConvolution(), frozen(*layers))
    network, _ = rewritten(RELABEL, merged)
    assert operators(network) == ["BorderedConv", "FrozenShiftMax", "Conv2d"]
    assert most_pieces(network) <= 2


@pytest.mark.parametrize("pack", [tuple, list, lambda maps: dict(zip("abc", maps, strict=False))])
def test_outputs_keep_the_trained_order(pack):
    stages = stem(12), nn.Sequential(shift_max(12, 4), ChannelShuffle(4)), nn.Conv2d(12, 12, 1)
    rewritten(RELABEL, frozen(Outputs(*stages, pack=pack)))


def test_an_image_keeps_its_channels():
    network, _ = rewritten(RELABEL, frozen(nn.Sequential(ChannelShuffle(3), shift_max(3, 3), stem(4))))
    image = next(node for node in network.graph.nodes if node.op == "placeholder")
    assert image.meta["tensor_meta"].shape == (1, 3, 8, 8)


def test_a_shuffle_between_unknown_layers_stays_one():
    network, _ = rewritten(RELABEL, traced(stem(6), nn.PReLU(6), ChannelShuffle(2), nn.PReLU(6)))
    assert operators(network) == ["Conv2d", "PReLU", "ChannelShuffle", "PReLU"]


def test_an_unknown_layer_keeps_the_trained_order_on_both_sides():
    middle = [shift_max(24, 8, 4), shift_max(24, 8, 4), shift_max(24, 8, 4)]
    network, _ = rewritten(RELABEL, frozen(stem(24), nn.PReLU(24), *middle, nn.PReLU(24), size=4), 4)
    assert operators(network) == [
        "Conv2d",
        "PReLU",
        "Reorder",
        *["FrozenShiftMax"] * 3,
        "Reorder",
        "PReLU",
    ]
    assert most_pieces(network) <= 2


def test_a_tensor_between_two_unknown_layers_keeps_the_trained_order():
    """The PReLU makes it, the outside reads it, and the shifts want another order."""

    class MadeAndRead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.unknown = stem(24), nn.PReLU(24)
            self.shifts = nn.Sequential(*[shift_max(24, 8, 4) for _ in range(3)])

        def forward(self, x):
            y = self.unknown(self.conv(x))
            return self.shifts(y), y

    network, _ = rewritten(RELABEL, frozen(MadeAndRead()))
    assert count(network, "Reorder") >= 2


@pytest.mark.parametrize(("costs", "moving"), [(NO_COPIES, "Conv2d"), (ONNXRUNTIME_COSTS, "GatheredReorder")])
def test_a_sum_of_a_tensor_with_its_own_shuffle_moves_data(costs, moving):
    network, _ = rewritten(
        PermuteChannels(costs), frozen(stem(12), Residual(ChannelShuffle(3)), stem_behind(12))
    )
    assert operators(network) == ["Conv2d", moving, "add", "Conv2d"]


class AddsTable(nn.Module):
    """Adds a learned tensor that lacks the batch axis: its second axis is the image's height."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(shape))
        self.conv, self.behind = stem(8), nn.Conv2d(8, 8, 1)
        self.activation, self.shuffle = shift_max(8, 2, 3), ChannelShuffle(4)

    def forward(self, x):
        return self.behind(self.shuffle(self.activation(self.conv(x)) + self.table))


@pytest.mark.parametrize("shape", [(1,), (8, 8), (8, 1, 1), (8, 8, 8), (1, 8, 1, 1), (1, 8, 8, 8)])
@pytest.mark.parametrize("seed", range(3))
def test_a_learned_table_is_added_to_the_channels_it_was_trained_with(any_order, shape, seed):
    rewritten(any_order(seed), frozen(AddsTable(*shape)))


def test_a_linear_layer_over_the_last_of_four_axes_is_left_alone():
    class ChannelsLast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = stem(6), nn.Linear(6, 5)

        def forward(self, x):
            return self.linear(self.conv(x).permute(0, 2, 3, 1))

    rewritten(RELABEL, traced(ChannelsLast()))


def test_without_shuffles_and_shifts_nothing_changes():
    layers = stem(8), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 4, 1, groups=2), nn.PReLU(4)
    assert_untouched(RELABEL, traced(*layers))


@pytest.mark.parametrize("costs", [ONNXRUNTIME_COSTS, PORTABLE_COSTS, XNNPACK_COSTS, NO_COPIES])
def test_a_second_time_changes_nothing(costs):
    body = MicroFactorizedPointwise(12, 6, 12, (3, 2)), shift_max(12, 4), ChannelShuffle(4)
    pass_ = PermuteChannels(costs)
    once, _ = rewritten(pass_, frozen(stem(12), Residual(*body), shift_max(12, 2), nn.PReLU(12)))
    twice, applied = rewritten(pass_, once)
    assert applied.places == 0
    assert_same(twice, once)


@settings(max_examples=30)
@pytest.mark.parametrize("pipeline", [XNNPACK, ONNXRUNTIME], ids=["tflite", "onnxruntime"])
@given(network=random_networks(), size=st.integers(5, 11), seed=st.integers(0, 2**16))
def test_the_rewrite_is_right_under_any_choice_of_orders(pipeline, network, size, seed):
    rng = np.random.default_rng(seed)

    def draw(classes, _):
        return {group: rng.permutation(group.channels) for group in classes.ordered}

    before = trace(network, size)
    for pass_ in itertools.takewhile(lambda one: not isinstance(one, PermuteChannels), pipeline):
        before, _ = apply(pass_, before, probe_image(size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relabel_channels, "choose_channel_orders", draw)
        after, _ = apply(RELABEL, before, probe_image(size))
    assert difference(before, after, images(size)) <= SAME_NUMBERS


@given(index=st.integers(1, 12).flatmap(lambda n: st.permutations(range(n))))
def test_every_reorder_puts_channels_where_its_index_says(index):
    x = torch.randn(2, len(index), 3, 2)
    order = np.array(index)
    for layer_ in (reorder(order, gathers=False), reorder(order, gathers=True)):
        assert torch.equal(layer_(x), x[:, index])
        assert torch.equal(layer_(x[:, :, 0, 0]), x[:, index, 0, 0])
    assert torch.equal(permutation(order, gathers=False)(x), x[:, index])


def test_groups_that_stay_together_stay_groups():
    layers = nn.Conv2d(12, 12, 1, groups=3), shift_max(12, 3), nn.Conv2d(12, 6, 1, groups=3)
    network, _ = rewritten(PermuteChannels(KEEP_GROUPS), frozen(stem(12), *layers))
    assert [layer(network, nn.Conv2d, number).groups for number in (1, 2)] == [3, 3]
