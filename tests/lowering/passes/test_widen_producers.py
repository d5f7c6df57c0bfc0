"""The convolution before a shift computes the shifted channels as well."""

from math import gcd

import numpy as np
import pytest
from costs import ONNXRUNTIME_COSTS
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    FREE_WORK,
    KEEP_GROUPS,
    NO_COPIES,
    ReadTwice,
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

from micronet_edge.lowering.cost_model.shift_cost import widened
from micronet_edge.lowering.ir.channel_order import segments
from micronet_edge.lowering.ir.convolutions import BorderedConv
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.passes.permute_channels import PermuteChannels
from micronet_edge.lowering.passes.widen_producers import WidenProducers

WIDEN = WidenProducers(FREE_WORK)


def frozen(*layers):
    return rewritten(FreezeShiftMax(), traced(*layers))[0]


def contiguous(activation):
    return all(len(segments(np.array(source))) == 1 for source in activation.sources)


@given(groups=st.integers(1, 4), width=st.integers(2, 4), shifts=st.integers(2, 4), fusions=st.integers(1, 3))
def test_every_shift_becomes_one_run(groups, width, shifts, fusions):
    channels = groups * width
    network, applied = rewritten(WIDEN, frozen(stem(channels), shift_max(channels, groups, shifts, fusions)))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "FrozenShiftMax"]
    activation = layer(network, FrozenShiftMax)
    assert contiguous(activation)
    assert activation.channels == channels
    assert channels < layer(network, nn.Conv2d).out_channels <= shifts * channels
    assert_once_is_enough(WIDEN, network)


@given(groups=st.integers(2, 5), width=st.integers(2, 5))
def test_a_roll_needs_the_channels_that_wrap_around_and_no_more(groups, width):
    channels = groups * width
    layers = stem(channels), shift_max(channels, groups), nn.Conv2d(channels, 2, 1)
    rolled, _ = rewritten(PermuteChannels(NO_COPIES), frozen(*layers))
    network, _ = rewritten(WIDEN, rolled)
    assert layer(network, nn.Conv2d).out_channels == channels + gcd(groups, width)


@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.permutations(range(n)), min_size=1, max_size=4)))
def test_widened_outputs_hold_every_source_as_a_run(sources):
    outputs, runs = widened(tuple(map(tuple, sources)))
    for source, run in zip(sources, runs, strict=True):
        assert [outputs[position] for position in run] == list(source)
        assert len(segments(np.array(run))) == 1
    assert len(outputs) <= len(sources) * len(sources[0])


def test_the_bias_map_is_widened_too():
    vertical = nn.Conv2d(3, 4, (3, 1), (2, 1), (1, 0))
    horizontal = nn.Conv2d(4, 8, (1, 3), (1, 2), (0, 1), groups=4)
    merged, _ = rewritten(MergeFactorizedConvolution(), frozen(vertical, horizontal, shift_max(8, 2)))
    network, applied = rewritten(WIDEN, merged)
    assert applied.places == (layer(merged, BorderedConv).conv.groups == 1)
    bordered = layer(network, BorderedConv)
    assert bordered.bias_map.shape[1] == bordered.conv.out_channels > 8


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((ReadTwice(),), id="producer read twice"),
        pytest.param((stem(6), nn.ReLU(), shift_max(6, 3)), id="not behind a convolution"),
        pytest.param((stem(6), nn.Conv2d(6, 6, 1, groups=2), shift_max(6, 3)), id="behind groups"),
        pytest.param((stem(6), shift_max(6, 3, shifts=1)), id="nothing shifted"),
        pytest.param((nn.ReLU(), nn.Sequential(shift_max(3, 3))), id="at the input"),
    ],
)
def test_what_cannot_be_widened_stays(layers):
    assert_untouched(WIDEN, frozen(*layers))


@pytest.mark.parametrize("costs", [KEEP_GROUPS, ONNXRUNTIME_COSTS], ids=["dear work", "gathers"])
def test_what_would_not_pay_stays(costs):
    assert_untouched(WidenProducers(costs), frozen(stem(6), shift_max(6, 3)))
