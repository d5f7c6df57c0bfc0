"""Channels between two layers are evened out where integers would be too coarse, and only there."""

import pytest
import torch
from quantization.networks import images, traced
from torch import nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.equalize_channels import equalized, found_factors
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.simulate import Simulation

GIVEN = images(32)
WIDTHS = torch.logspace(-2, 2, 6)


def uneven(between, groups):
    """Channels of widths that differ ten thousandfold, and a second layer that makes up for it."""
    network = traced(nn.Conv2d(3, 6, 1), *between, nn.Conv2d(6, 12, 3, groups=groups), nn.Hardtanh(-3, 3))
    with torch.no_grad():
        first, second = network.get_submodule("0"), network.get_submodule(str(1 + len(between)))
        first.weight.mul_(WIDTHS.view(-1, 1, 1, 1)), first.bias.mul_(WIDTHS)
        each = WIDTHS.view(groups, 1, -1).expand(-1, 12 // groups, -1).reshape(12, -1, 1, 1)
        second.weight.div_(each)
    return network


def error(network):
    with torch.no_grad():
        expected = network(GIVEN)
        tensor_qparams = assign_qparams(network, calibrate(network, GIVEN, 100.0), 8)
        found = Simulation(QuantizedNetwork(network, Preprocessing.imagenet(32), tensor_qparams))(GIVEN)
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("between", [(), (nn.ReLU(),)], ids=["next", "past a ReLU"])
def test_the_same_function_and_integers_that_come_close(between, groups):
    network = uneven(between, groups)
    factors = found_factors(network, calibrate(network, GIVEN, 100.0), GIVEN, 8)
    assert list(factors) == ["0"]
    evened = equalized(network, factors)
    with torch.no_grad():
        torch.testing.assert_close(evened(GIVEN), network(GIVEN), atol=1e-4, rtol=1e-4)
    assert error(evened) < error(network) / 5


def test_a_clip_of_fixed_height_is_not_reached_over():
    network = uneven((nn.ReLU6(),), 6)
    assert found_factors(network, calibrate(network, GIVEN, 100.0), GIVEN, 8) == {}


def test_an_ordinary_network_stays_as_it_is():
    network = traced(nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Conv2d(6, 12, 3), nn.Conv2d(12, 4, 1))
    assert found_factors(network, calibrate(network, GIVEN, 100.0), GIVEN, 8) == {}
    assert equalized(network, {}) is network
