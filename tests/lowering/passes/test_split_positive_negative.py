"""The first tensor that passes from one dense convolution to another is handed on in two rectified halves."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import (
    Outputs,
    Residual,
    assert_once_is_enough,
    assert_untouched,
    layer,
    operators,
    rewritten,
    traced,
)
from torch import nn

from micronet_edge.lowering.passes.split_positive_negative import SplitPositiveNegative

SPLIT = SplitPositiveNegative()


@settings(max_examples=30)
@given(
    channels=st.integers(1, 5),
    kernel_size=st.sampled_from([1, 3]),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    bias=st.booleans(),
)
def test_the_first_pair_is_split(channels, kernel_size, stride, padding, bias):
    behind = nn.Conv2d(channels, 4, kernel_size, stride, padding, bias=bias)
    network, applied = rewritten(SPLIT, traced(nn.Conv2d(3, channels, 3, bias=bias), behind))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "ReLU", "Conv2d"]
    assert layer(network, nn.Conv2d).out_channels == layer(network, nn.Conv2d, 1).in_channels == 2 * channels
    assert (layer(network, nn.Conv2d, 1).stride, layer(network, nn.Conv2d, 1).padding) == (
        behind.stride,
        behind.padding,
    )
    assert_once_is_enough(SPLIT, network)


def test_the_halves_are_the_positive_and_the_negative_part():
    before = traced(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1))
    network, _ = rewritten(SPLIT, before)
    image = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        whole = layer(before, nn.Conv2d)(image)
        positive, negative = layer(network, nn.ReLU)(layer(network, nn.Conv2d)(image)).chunk(2, dim=1)
    assert torch.equal(positive, whole.relu())
    assert torch.allclose(negative, (-whole).relu())


def test_only_the_first_pair_is_split():
    network, applied = rewritten(SPLIT, traced(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "ReLU", "Conv2d", "Conv2d"]
    assert_once_is_enough(SPLIT, network)


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1)), id="rectified anyway"),
        pytest.param((nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1, groups=2)), id="groups behind"),
        pytest.param((nn.Conv2d(3, 6, 1, groups=3), nn.Conv2d(6, 4, 1)), id="groups before"),
        pytest.param((nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)), id="one pixel"),
        pytest.param((nn.Conv2d(3, 4, 1), Residual(nn.Conv2d(4, 4, 1))), id="read twice"),
        pytest.param((Outputs(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)),), id="read from outside"),
        pytest.param((nn.Conv2d(3, 4, 1),), id="at the output"),
    ],
)
def test_elsewhere_nothing_changes(layers):
    assert_untouched(SPLIT, traced(*layers))
