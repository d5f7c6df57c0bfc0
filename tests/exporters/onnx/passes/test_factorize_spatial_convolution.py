"""Merged windows come apart into halves again, with the correction of their borders as a bias between."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    assert_once_is_enough,
    assert_untouched,
    count,
    layer,
    operators,
    rewritten,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.ir.convolutions import select_outputs
from micronet_edge.lowering.ir.graph import calls, replace_module
from micronet_edge.lowering.ir.reorder import Repeat
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.densify_groups import DensifyGroups
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge_onnx.passes.factorize_spatial_convolution import FactorizeSpatialConvolution


def halves(channels, first, second, kernel_size=3, stride=2):
    middle, half = channels * first, kernel_size // 2
    vertical = nn.Conv2d(channels, middle, (kernel_size, 1), (stride, 1), (half, 0), groups=channels)
    across = {"stride": (1, stride), "padding": (0, half), "groups": middle}
    return vertical, nn.Conv2d(middle, middle * second, (1, kernel_size), **across)


def merged(*layers, dense, size=8):
    """Merged and decomposed, in groups or not, as integer files have them."""
    costs = INTEGER_COSTS
    network, _ = rewritten(MergeFactorizedConvolution(minimum_stride=1), traced(*layers, size=size), size)
    passes = ([DensifyGroups(costs)] if dense else []) + [Decompose(costs)]
    for pass_ in passes:
        network, _ = rewritten(pass_, network, size)
    return network


def every_layer(network):
    return FactorizeSpatialConvolution(frozenset(str(node.target) for node in network.graph.nodes))


@given(
    channels=st.integers(1, 4),
    multipliers=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    kernel_size=st.sampled_from([3, 5]),
    stride=st.integers(1, 2),
    size=st.integers(10, 14),
    dense=st.booleans(),
)
def test_what_was_merged_comes_apart(channels, multipliers, kernel_size, stride, size, dense):
    layers = stem(channels), *halves(channels, *multipliers, kernel_size, stride), nn.ReLU6()
    network = merged(*layers, dense=dense, size=size)
    pass_ = every_layer(network)
    apart, applied = rewritten(pass_, network, size)
    assert applied.places == 1
    assert count(apart, "AddConstant") == 0
    assert_once_is_enough(pass_, apart, size)
    down, across = (layer(apart, nn.Conv2d, number) for number in (1, 2))
    assert (down.out_channels, across.out_channels) == (
        channels * multipliers[0],
        channels * multipliers[0] * multipliers[1],
    )
    assert (down.kernel_size, across.kernel_size) == ((kernel_size, 1), (1, kernel_size))


def test_an_output_that_is_there_twice_is_computed_once():
    network = merged(stem(4), *halves(4, 2, 2), dense=True)
    node, conv = [*calls(network, nn.Conv2d)][-1]
    correction = next(module for module in network.modules() if type(module).__name__ == "AddConstant")
    twice = [*range(16), 0, 1]
    replace_module(network, node, select_outputs(conv, twice))
    correction.constant = correction.constant[:, twice]
    apart, _ = rewritten(every_layer(network), network)
    assert operators(apart) == ["Conv2d", "Repeat", "Conv2d", "Repeat", "Conv2d", "GatheredReorder"]
    assert layer(apart, Repeat, 1).copies == 2


def test_layers_that_are_not_named_stay():
    assert_untouched(FactorizeSpatialConvolution(frozenset()), merged(stem(4), *halves(4, 2, 2), dense=True))


@pytest.mark.parametrize("seed", range(3))
def test_a_window_that_is_no_product_stays(seed):
    torch.manual_seed(seed)
    network = traced(stem(4), nn.Conv2d(4, 8, 3, padding=1, groups=4))
    assert_untouched(every_layer(network), network)


def test_a_trained_zero_leaves_the_window_whole():
    network = merged(stem(4), *halves(4, 2, 2), dense=True)
    conv = layer(network, nn.Conv2d, 1)
    with torch.no_grad():
        conv.weight += 1e-3
    assert_untouched(every_layer(network), network)
