"""Parameters and multiply-adds: the paper's table, the authors' figures, and layers counted by hand."""

import copy

import pytest
import torch
from reference.authors import MODELS, VARIANTS
from torch import nn

from micronet_edge.counting import count
from micronet_edge.errors import SettingsError
from micronet_edge.models import DynamicShiftMax, GroupedPointwise, MicroNet

each_variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.mark.parametrize(
    ("variant", "conv_linear", "paper"),
    [("m0", 3.45, 4.05), ("m1", 5.31, 6.12), ("m2", 10.34, 12.74), ("m3", 18.24, 20.81)],
)
def test_multiply_adds_in_both_conventions(variant, conv_linear, paper):
    found = count(MicroNet(variant))
    assert round(found.conv_linear_madds / 1e6, 2) == conv_linear
    assert round(found.paper_madds / 1e6, 2) == paper


@each_variant
def test_the_count_equals_the_authors_exactly(variant):
    found = count(MicroNet(variant))
    assert {"conv": found.conv_madds, "linear": found.linear_madds} == MODELS[variant]["macs"]
    assert found.params == MODELS[variant]["params"]


@each_variant
def test_multiply_adds_over_the_image_grow_with_its_area(variant):
    small, large = count(MicroNet(variant), 96), count(MicroNet(variant), 192)
    assert large.conv_madds == 4 * small.conv_madds
    assert large.shift_max_madds == 4 * small.shift_max_madds
    assert large.linear_madds == small.linear_madds
    assert large.params == small.params


@each_variant
def test_counting_leaves_the_network_as_it_was(variant):
    network = MicroNet(variant, 3).train()
    network.features.eval()
    before = copy.deepcopy(network.state_dict())
    modes = [module.training for module in network.modules()]
    count(network, 64)
    assert [module.training for module in network.modules()] == modes
    assert {tensor.device.type for tensor in network.state_dict().values()} == {"cpu"}
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_what_is_not_counted_is_named():
    assert count(MicroNet("m0")).uncounted == (
        "AdaptiveAvgPool2d",
        "BatchNorm1d",
        "BatchNorm2d",
        "ChannelShuffle",
        "Hardswish",
        "ReLU6",
    )


def test_a_convolution_by_hand():
    found = count(nn.Sequential(nn.Conv2d(3, 8, (5, 3), stride=2, padding=1, bias=True)), 32)
    assert found.conv_madds == 8 * 15 * 16 * (3 * 5 * 3)
    assert found.params == 8 * 3 * 5 * 3 + 8
    assert found.uncounted == ()


def test_a_grouped_convolution_by_hand():
    network = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), GroupedPointwise(8, 12, 4))
    found = count(network, 10)
    assert found.conv_madds == 100 * (3 * 8 + 12 * 8 // 4)
    assert found.params == 3 * 8 + 12 * 2 + 2 * 12
    assert found.uncounted == ("BatchNorm2d",)


def test_shift_max_by_hand():
    layer = DynamicShiftMax(3, 1, shifts=4, fusions=2)
    found = count(nn.Sequential(layer), 8)
    assert found.shift_max_madds == 3 * 8 * 8 * 4 * 2
    assert found.linear_madds == 3 * 4 + 4 * (3 * 4 * 2)
    assert found.conv_linear_madds == found.linear_madds
    assert found.paper_madds == found.linear_madds + found.shift_max_madds


def test_a_linear_layer_counts_once_per_position():
    assert count(nn.Sequential(nn.Linear(32, 5)), 32).linear_madds == 3 * 32 * (32 * 5)


def test_a_layer_used_twice_works_twice_and_weighs_once():
    layer = nn.Conv2d(3, 3, 1, bias=False)
    found = count(nn.Sequential(layer, layer), 8)
    assert (found.conv_madds, found.params) == (2 * 64 * 9, 9)


def test_sizes_that_the_network_cannot_take_are_refused(refusal):
    assert "input size 100 px" in refusal(SettingsError, count, MicroNet("m0"), 100)
