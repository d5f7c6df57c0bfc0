"""What ranges cut off and what of them is used, counted."""

import pytest
import torch
from quantization.networks import images, traced
from torch import nn

from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.range_utilisation import Utilisation, utilisation


def found_of(*args):
    found, _ = utilisation(*args)
    return found


@pytest.fixture
def network():
    return traced(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 3))


def test_ranges_of_the_same_images_fit(network):
    found, logits = utilisation(network, calibrate(network, images(), 100.0), images())
    assert found == {"1": Utilisation(0.0, 1.0), "2": Utilisation(0.0, 1.0)}
    with torch.no_grad():
        torch.testing.assert_close(logits, network(images()))


def test_the_values_beyond_are_counted(network):
    given = images()
    ranges = calibrate(network, given, 100.0)
    with torch.no_grad():
        values = network(given)
    ranges["2"] = -0.1, 0.2
    step = 0.3 / 255
    beyond = ((values < -0.1 - step) | (values > 0.2 + step)).float().mean()
    assert found_of(network, ranges, given)["2"] == Utilisation(pytest.approx(float(beyond)), 1.0)
    assert 0.1 < beyond < 0.9


def test_the_part_of_a_range_that_is_used(network):
    ranges = calibrate(network, images(), 100.0)
    low, high = ranges["1"]
    found = found_of(network, ranges | {"1": (low, 4 * high)}, images())
    assert found["1"] == Utilisation(0.0, pytest.approx(0.25))


def test_what_lies_beyond_by_less_than_a_step_is_not_cut_off(network):
    ranges = calibrate(network, images(), 100.0)
    low, high = ranges["2"]
    little = 0.9 * (high - low) / 257
    assert found_of(network, ranges | {"2": (low + little, high - little)}, images())["2"].clipped == 0


def test_a_sum_that_a_clip_cuts_off_later_is_not_counted():
    border = torch.zeros(1, 2, 1, 8)
    border[..., 0] = 0.5
    network = traced(nn.Conv2d(3, 2, 1), AddConstant(border), nn.ReLU6())
    ranges = calibrate(network, images(), 100.0)
    assert set(ranges) == {"image", "0", "2"}
    assert set(found_of(network, ranges, images())) == {"2"}


def test_a_tensor_of_one_number_is_used_up():
    network = traced(nn.Conv2d(3, 2, 1), nn.ReLU())
    with torch.no_grad():
        network.get_submodule("0").bias.fill_(-100.0)
    assert found_of(network, calibrate(network, images(), 100.0), images())["1"] == Utilisation(0.0, 1.0)
