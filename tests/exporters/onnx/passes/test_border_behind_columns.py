"""A correction of the first column becomes a column of pixels beside the image."""

from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import assert_once_is_enough, assert_untouched, operators, rewritten, traced
from torch import nn

from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge_onnx.passes.border_behind_columns import BorderBehindColumns


def merged(outputs, second=2, size=8, stride=2):
    vertical = nn.Conv2d(3, outputs, (3, 1), (stride, 1), (1, 0))
    across = {"stride": (1, stride), "padding": (0, 1), "groups": outputs}
    network = traced(vertical, nn.Conv2d(outputs, outputs * second, (1, 3), **across), nn.ReLU6(), size=size)
    for pass_ in (MergeFactorizedConvolution(minimum_stride=1), Decompose(INTEGER_COSTS)):
        network, _ = rewritten(pass_, network, size)
    return network


def every_layer(network):
    return BorderBehindColumns(frozenset(str(node.target) for node in network.graph.nodes))


@given(outputs=st.integers(1, 4), second=st.integers(1, 3), size=st.sampled_from([6, 8, 12, 14]))
def test_a_correction_becomes_a_column(outputs, second, size):
    network = merged(outputs, second, size)
    assert operators(network) == ["Conv2d", "AddConstant", "ReLU6"]
    beside, applied = rewritten(every_layer(network), network, size)
    assert applied.places == 1
    assert operators(beside) == ["BesideColumns", "Conv2d", "ReLU6"]
    assert_once_is_enough(every_layer(network), beside, size)


def test_a_correction_on_both_sides_stays():
    for network, size in ((merged(3, size=9), 9), (merged(3, stride=1), 8)):
        assert_untouched(every_layer(network), network, size)


def test_more_corrections_than_a_column_can_make_stay():
    network = merged(7)
    assert_untouched(every_layer(network), network)


def test_layers_that_are_not_named_stay():
    assert_untouched(BorderBehindColumns(frozenset()), merged(3))
