"""The first ReLU6 saturates in parts, one after the other, where the layers around it allow that."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import (
    FREE_WORK,
    Outputs,
    Residual,
    assert_once_is_enough,
    assert_untouched,
    layer,
    operators,
    rewritten,
    stem,
    traced,
)
from quantization.networks import traced as decomposed
from torch import nn

from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.densify_groups import DensifyGroups
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.passes.split_relu6_range import TILE, SplitRelu6Range

SPLIT = SplitRelu6Range()
SPELL_OUT = Decompose(INTEGER_COSTS)


def saturating(channels, behind):
    """A network whose activation reaches both of its ends."""
    network = traced(stem(channels), nn.ReLU6(), behind)
    with torch.no_grad():
        network.get_submodule("0").weight.mul_(6)
        network.get_submodule("0").bias.add_(3)
    return network


@settings(max_examples=40)
@given(
    channels=st.integers(1, TILE // 2),
    outputs=st.integers(1, 6),
    kernel_size=st.sampled_from([1, 3]),
    stride=st.integers(1, 2),
    bias=st.booleans(),
)
def test_the_first_activation_is_split(channels, outputs, kernel_size, stride, bias):
    behind = nn.Conv2d(channels, outputs, kernel_size, stride, kernel_size // 2, bias=bias)
    before = saturating(channels, behind)
    network, applied = rewritten(SPLIT, before)
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "Hardtanh", "Conv2d"]
    parts = TILE // channels
    assert layer(network, nn.Conv2d).out_channels == parts * channels
    assert layer(network, nn.Conv2d, 1).in_channels == parts * channels
    assert layer(network, nn.Hardtanh).max_val == pytest.approx(6 / parts)
    assert_once_is_enough(SPLIT, network)


def test_the_parts_saturate_one_after_the_other():
    network, _ = rewritten(SPLIT, saturating(4, nn.Conv2d(4, 2, 1)))
    conv, clip = layer(network, nn.Conv2d), layer(network, nn.Hardtanh)
    with torch.no_grad():
        parts = clip(conv(torch.randn(2, 3, 8, 8))).view(2, TILE // 4, 4, 8, 8)
    assert (parts[:, 1:] > 0).any()
    for lower, upper in zip(parts.unbind(1)[:-1], parts.unbind(1)[1:], strict=True):
        assert torch.allclose(lower[upper > 0], torch.tensor(6 / (TILE // 4)), atol=1e-5)


def test_a_convolution_with_a_border_is_split_with_it():
    vertical = nn.Conv2d(2, 2, (3, 1), (2, 1), (1, 0), groups=2)
    horizontal = nn.Conv2d(2, 4, (1, 3), (1, 2), (0, 1), groups=2)
    layers = nn.Conv2d(3, 2, 1), vertical, horizontal, nn.ReLU6(), nn.Conv2d(4, 4, 1)
    merged, _ = rewritten(MergeFactorizedConvolution(), traced(*layers))
    grouped, _ = rewritten(SPELL_OUT, merged)
    assert_untouched(SPLIT, grouped)  # its groups would mix
    dense, _ = rewritten(DensifyGroups(FREE_WORK), merged)
    before, _ = rewritten(SPELL_OUT, dense)
    network, applied = rewritten(SPLIT, before)
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "Conv2d", "AddConstant", "Hardtanh", "Conv2d"]
    assert layer(network, AddConstant).constant.shape[1] == TILE
    assert_once_is_enough(SPLIT, network)


def test_a_border_that_another_layer_reads_stays():
    class ReadTwice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.border = stem(4), AddConstant(torch.ones(1, 4, 1, 8))
            self.clip, self.behind = nn.ReLU6(), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            y = self.border(self.conv(x))
            return y + self.behind(self.clip(y))

    assert_untouched(SPLIT, decomposed(ReadTwice()))


def test_only_the_first_activation_is_split():
    layers = stem(4), nn.ReLU6(), nn.Conv2d(4, 4, 1), nn.ReLU6(), nn.Conv2d(4, 4, 1)
    network, applied = rewritten(SPLIT, traced(*layers))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "Hardtanh", "Conv2d", "ReLU6", "Conv2d"]
    assert_once_is_enough(SPLIT, network)


def test_settings_of_the_convolution_behind_are_kept():
    behind = nn.Conv2d(4, 6, (3, 5), (2, 1), (1, 4), (1, 2), bias=False)
    network, _ = rewritten(SPLIT, saturating(4, behind))
    found = layer(network, nn.Conv2d, 1)
    names = ("kernel_size", "stride", "padding", "dilation", "groups")
    assert [getattr(found, name) for name in names] == [getattr(behind, name) for name in names]
    assert found.bias is None


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((stem(9), nn.ReLU6(), nn.Conv2d(9, 4, 1)), id="too wide"),
        pytest.param((nn.Conv2d(3, 6, 1, groups=3), nn.ReLU6(), nn.Conv2d(6, 4, 1)), id="groups before"),
        pytest.param((stem(4), nn.ReLU6(), nn.Conv2d(4, 4, 1, groups=2)), id="groups behind"),
        pytest.param((stem(4), nn.ReLU6(), nn.Conv2d(4, 4, 1, groups=4)), id="depthwise behind"),
        pytest.param((stem(4), nn.ReLU6(), nn.PReLU(4)), id="no convolution behind"),
        pytest.param((stem(4), nn.PReLU(4), nn.ReLU6(), nn.Conv2d(4, 4, 1)), id="none before"),
        pytest.param((nn.ReLU6(), stem(4)), id="at the input"),
        pytest.param((stem(4), nn.ReLU6()), id="at the output"),
        pytest.param((stem(4), nn.ReLU(), nn.Conv2d(4, 4, 1)), id="without an end"),
        pytest.param((stem(4), nn.Hardtanh(0.0, 5.0), nn.Conv2d(4, 4, 1)), id="another clip"),
        pytest.param((stem(4), nn.ReLU6(), Residual(nn.Conv2d(4, 4, 1))), id="read twice"),
    ],
)
def test_elsewhere_nothing_changes(layers):
    assert_untouched(SPLIT, traced(*layers))


def test_a_convolution_that_the_outside_reads_stays():
    assert_untouched(SPLIT, traced(Outputs(stem(4), nn.ReLU6(), nn.Conv2d(4, 4, 1))))
