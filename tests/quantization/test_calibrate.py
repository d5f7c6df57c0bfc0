"""Ranges are those of the images, without the tails, and without room that nobody needs."""

from math import ceil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from quantization.networks import images, traced
from torch import nn

from micronet_edge.lowering.ir.primitives import AddConstant, Maximum
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.quantized_tensors import quantized_tensors


@settings(max_examples=25)
@given(count=st.integers(1, 70), percentile=st.sampled_from([50.0, 90.0, 99.0, 99.9, 99.99, 100.0]))
def test_the_range_leaves_out_so_many_of_the_values(count, percentile):
    network, given_images = traced(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 3)), images(count)
    ranges = calibrate(network, given_images, percentile)
    with torch.no_grad():
        values = {"image": given_images, "0": network.get_submodule("0")(given_images)}
        values["1"] = network(given_images)
    assert set(ranges) == set(values)
    for name, tensor in values.items():
        ordered = np.sort(tensor.numpy().ravel())
        outside = max(1, ceil(len(ordered) * (1 - percentile / 100)))
        expected = ordered[outside - 1], ordered[-outside]
        # Sums of a batch may come in another order.
        assert ranges[name] == pytest.approx(expected, rel=1e-5, abs=1e-6)
        left_out = ((ordered < expected[0]) | (ordered > expected[1])).mean()
        assert left_out <= 2 * (1 - percentile / 100) + 1e-9


def test_at_100_per_cent_nothing_is_left_out():
    given_images = images()
    given_images[7, 1, 3, 3], given_images[30, 0, 0, 0] = 99.0, -55.0
    assert calibrate(traced(nn.Conv2d(3, 2, 1)), given_images, 100.0)["image"] == (-55.0, 99.0)


def test_one_odd_value_among_many_is_left_out():
    given_images = images(200)
    given_images[7, 1, 3, 3] = 1e6
    _, high = calibrate(traced(nn.Conv2d(3, 2, 1)), given_images, 99.99)["image"]
    assert high < 10


def test_the_order_of_the_images_changes_nothing():
    network, given_images = traced(nn.Conv2d(3, 4, 3), nn.ReLU()), images(70)
    ranges = calibrate(network, given_images, 99.0)
    other = calibrate(network, given_images.flip(0), 99.0)
    for name, span in ranges.items():
        assert other[name] == pytest.approx(span, rel=1e-5)


def test_only_owners_of_qparams_have_ranges():
    class Joined(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)
            self.maximum, self.clip = Maximum(), nn.ReLU6()

        def forward(self, x):
            return self.clip(self.maximum(self.left(x), self.right(x)))

    network = traced(Joined())
    ranges = calibrate(network, images(), 100.0)
    assert set(ranges) == set(quantized_tensors(network).values()) == {"image", "clip"}
    assert ranges["clip"][0] >= 0
    assert ranges["clip"][1] <= 6


# --- A convolution and the border correction behind it


def bordered(most, *behind):
    """A convolution whose outermost columns differ from the rest by up to `most`."""
    border = torch.zeros(1, 4, 1, 8)
    border[..., 0], border[..., -1] = -most / 2, most / 2
    return traced(nn.Conv2d(3, 4, 1), AddConstant(border), *behind)


def span(ends):
    low, high = ends
    return high - low


def test_a_small_correction_shares_the_step_of_what_it_corrects():
    network = bordered(0.2)
    ranges = calibrate(network, images(), 100.0)
    with torch.no_grad():
        values = network(images())
    assert span(ranges["0"]) == pytest.approx(span(ranges["1"]))
    low, high = ranges["1"]
    assert low <= values.min()
    assert high >= values.max()
    # Whatever the correction, what it is added to has room.
    assert ranges["0"][0] == pytest.approx(low - 0.1)
    assert ranges["0"][1] >= high - 0.3


def test_a_large_correction_leaves_each_its_range():
    network = bordered(20.0)
    ranges = calibrate(network, images(), 100.0)
    with torch.no_grad():
        before = network.get_submodule("0")(images())
    assert ranges["0"] == pytest.approx((float(before.min()), float(before.max())), rel=1e-5)


def test_what_a_clip_cuts_off_needs_no_room_before_the_correction():
    network = bordered(0.2, nn.ReLU())
    with torch.no_grad():
        network.get_submodule("0").bias.sub_(50.0)
        network.get_submodule("0").bias[0] += 51.0
    ranges = calibrate(network, images(), 100.0)
    low, high = ranges["2"]
    assert low == 0
    assert ranges["0"] == pytest.approx((-0.1, high + 0.1))


def test_a_constant_of_one_number_leaves_each_its_range():
    network = traced(nn.Conv2d(3, 4, 1), AddConstant(torch.tensor(3.0)))
    ranges = calibrate(network, images(), 100.0)
    assert ranges["1"] == pytest.approx(tuple(end + 3 for end in ranges["0"]), rel=1e-5)
