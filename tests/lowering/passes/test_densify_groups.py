"""Grouped convolutions become dense where the costs say so."""

from dataclasses import replace

from costs import ONNXRUNTIME_COSTS, XNNPACK_COSTS
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    FREE_WORK,
    assert_once_is_enough,
    assert_untouched,
    layer,
    operators,
    rewritten,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering.ir.convolutions import BorderedConv
from micronet_edge.lowering.passes.densify_groups import DensifyGroups
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution

ALWAYS = DensifyGroups(FREE_WORK)


@given(
    groups=st.integers(2, 4),
    inputs=st.integers(1, 3),
    outputs=st.integers(1, 3),
    kernel_size=st.sampled_from([1, 3]),
    bias=st.booleans(),
)
def test_a_grouped_convolution_becomes_dense(groups, inputs, outputs, kernel_size, bias):
    conv = nn.Conv2d(groups * inputs, groups * outputs, kernel_size, groups=groups, bias=bias)
    depthwise = inputs == outputs == 1
    network, applied = rewritten(ALWAYS, traced(stem(groups * inputs), conv))
    assert applied.places == (not depthwise)
    assert layer(network, nn.Conv2d, 1).groups == (groups if depthwise else 1)
    assert_once_is_enough(ALWAYS, network)


def test_dense_weights_are_the_groups_on_the_diagonal():
    network = traced(stem(4), nn.Conv2d(4, 6, 1, groups=2))
    grouped = layer(network, nn.Conv2d, 1).weight
    dense = layer(rewritten(ALWAYS, network)[0], nn.Conv2d, 1).weight
    assert (dense[:3, :2] == grouped[:3]).all()
    assert (dense[3:, 2:] == grouped[3:]).all()
    assert not dense[:3, 2:].any()
    assert not dense[3:, :2].any()


def test_a_merged_convolution_keeps_its_borders():
    vertical = nn.Conv2d(4, 8, (3, 1), (2, 1), (1, 0), groups=4)
    horizontal = nn.Conv2d(8, 16, (1, 3), (1, 2), (0, 1), groups=8)
    merged, _ = rewritten(MergeFactorizedConvolution(), traced(stem(4), vertical, horizontal))
    network, applied = rewritten(ALWAYS, merged)
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "BorderedConv"]
    assert layer(network, BorderedConv).conv.groups == 1


def test_dense_and_depthwise_convolutions_stay():
    assert_untouched(ALWAYS, traced(stem(4), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 1)))


def test_groups_stay_where_the_runtime_runs_them_well():
    assert_untouched(DensifyGroups(ONNXRUNTIME_COSTS), traced(stem(16), nn.Conv2d(16, 16, 1, groups=8)))


def test_the_costs_decide_by_channels_and_window():
    costs = replace(
        XNNPACK_COSTS,
        dense_madd_ns=0.099,
        grouped_output_ns=0.2,
        grouped_pointwise_madd_ns=0.15,
        grouped_window_madd_ns=0.5,
    )
    cheap = nn.Conv2d(8, 8, 1, groups=2)  # 0.79 ns an output dense, 0.2 + 4 * 0.15 in groups
    wide = nn.Conv2d(16, 16, 1, groups=4)  # 1.58 and 0.2 + 4 * 0.15
    square = nn.Conv2d(4, 8, 3, groups=4)  # 3.56 and 0.2 + 9 * 0.5
    assert [costs.dense_pays(conv) for conv in (cheap, wide, square)] == [True, False, True]
