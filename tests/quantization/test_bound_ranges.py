"""Bounds hold for every image, and ranges reach out to those that are near."""

from math import inf

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from quantization.networks import images, traced
from quantized_digits import decomposed_digits
from torch import nn

from micronet_edge.lowering.ir.primitives import (
    Add,
    AddConstant,
    Channels,
    DynamicPointwise,
    DynamicPointwiseWeight,
    Maximum,
    Multiply,
    MultiplyConstant,
)
from micronet_edge.lowering.ir.watch import Watched
from micronet_edge.quantization.bound_ranges import NEAR, bounded, bounds_of
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.quantized_tensors import tensor_name

IMAGE = (-2.0, 2.5)


class Everything(nn.Module):
    """A layer of each kind, in a network that looks like a Dynamic Shift-Max."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.shifted = nn.Conv2d(3, 4, 3, padding=1), AddConstant(torch.randn(1, 4, 1, 8))
        self.clip, self.mean, self.squeeze = nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 2, 1)
        self.squeezed, self.excite0, self.excite1 = nn.ReLU(), nn.Conv2d(2, 4, 1), nn.Conv2d(2, 4, 1)
        self.coefficient0, self.coefficient1 = nn.Hardtanh(-1.0, 3.0), nn.Hardtanh(-2.0, 2.0)
        self.matrix = DynamicPointwiseWeight(((0, 1, 2, 3), (1, 2, 3, 0)), 4)
        self.mix, self.product, self.sum, self.maximum = DynamicPointwise(), Multiply(), Add(), Maximum()
        self.first, self.scaled = Channels(0, 2), MultiplyConstant(torch.tensor(-0.5))
        self.flat, self.last = nn.Flatten(1), nn.Linear(2 * 8 * 8, 3)

    def forward(self, x):
        x = self.clip(self.shifted(self.conv(x)))
        squeezed = self.squeezed(self.squeeze(self.mean(x)))
        first = self.coefficient0(self.excite0(squeezed))
        second = self.coefficient1(self.excite1(squeezed))
        mixed = self.mix(x, self.matrix(first, second))
        largest = self.maximum(mixed, self.sum(self.product(x, first), x))
        return self.last(self.flat(self.scaled(self.first(largest))))


def ends(network, given):
    """The smallest and the largest number of each tensor."""
    found = {}

    def take(node, value):
        found[tensor_name(node)] = float(value.min()), float(value.max())

    Watched(network, take)(given)
    return found


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), worst=st.booleans())
def test_no_image_leaves_the_bounds(seed, worst):
    network = traced(Everything(), seed=seed)
    random = torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    given = IMAGE[0] + (IMAGE[1] - IMAGE[0]) * (random.round() if worst else random)
    bounds = bounds_of(network, IMAGE)
    for name, (low, high) in ends(network, given).items():
        least, most = bounds[name]
        assert least - 1e-4 <= low
        assert high <= most + 1e-4


def test_bounds_are_as_tight_as_what_makes_them():
    network = traced(Everything())
    with torch.no_grad():  # so that coefficients may reach their ends
        for name in ("excite0", "excite1"):
            network.get_submodule(name).weight.mul_(1e3)
    bounds = bounds_of(network, IMAGE)
    assert bounds["clip"] == bounds["mean"] == (0.0, 6.0)
    assert (bounds["coefficient0"], bounds["coefficient1"]) == ((-1.0, 3.0), (-2.0, 2.0))
    assert bounds["matrix"] == (-2.0, 3.0)
    assert bounds["product"] == (-6.0, 18.0)
    assert bounds["sum"] == (-6.0, 24.0)
    assert bounds["mix"] == (-24.0, 36.0)  # two coefficients for each number
    assert bounds["maximum"] == bounds["first"] == (-6.0, 36.0)
    assert bounds["scaled"] == bounds["flat"] == (-18.0, 3.0)


def test_a_convolution_reaches_its_bounds():
    """The worst image of each channel, without a border."""
    conv = nn.Conv2d(3, 4, 3)
    network = traced(conv, nn.ReLU())
    low, high = bounds_of(network, IMAGE)["0"]
    weight = network.get_submodule("0").weight.detach()
    with torch.no_grad():
        most = network.get_submodule("0")(torch.where(weight > 0, IMAGE[1], IMAGE[0])).amax()
        least = network.get_submodule("0")(torch.where(weight > 0, IMAGE[0], IMAGE[1])).amin()
    assert (low, high) == pytest.approx((float(least), float(most)), rel=1e-5)


def test_what_is_not_known_has_no_bounds():
    network = traced(nn.Conv2d(3, 4, 1), nn.Softplus(), nn.Conv2d(4, 2, 1), nn.ReLU6())
    bounds = bounds_of(network, IMAGE)
    assert bounds["1"] == bounds["2"] == (-inf, inf)
    assert bounds["3"] == (0.0, 6.0)


@pytest.mark.parametrize(
    ("span", "bound", "expected"),
    [
        ((0.0, 5.8), (0.0, 6.0), (0.0, 6.0)),
        ((0.0, 5.0), (0.0, 6.0), (0.0, 5.0)),
        ((-0.9, 2.9), (-1.0, 3.0), (-1.0, 3.0)),
        ((0.5, 2.9), (-1.0, 3.0), (0.5, 3.0)),
        ((0.0, 5.0), (-inf, inf), (0.0, 5.0)),
        ((0.0, 0.0), (0.0, 6.0), (0.0, 0.0)),
    ],
)
def test_a_range_reaches_out_to_a_bound_that_is_near(span, bound, expected):
    assert bounded({"x": span}, {"x": bound}) == {"x": expected}
    assert NEAR == 0.05


def test_calibration_takes_the_bounds_of_coefficients_that_are_nearly_used_up():
    network = traced(Everything())
    with torch.no_grad():  # a coefficient that reaches its upper end all but, and nothing else
        network.get_submodule("squeeze").bias.fill_(-0.5)
        network.get_submodule("excite0").weight.fill_(0.5)
        network.get_submodule("excite0").bias.copy_(torch.tensor([-0.9, 0.0, 1.0, 2.9]))
        network.get_submodule("excite1").weight.mul_(1e-3)
        network.get_submodule("excite1").bias.fill_(0.1)
    free = calibrate(network, images(), 100.0)
    assert free["matrix"][1] < 3.0
    found = calibrate(network, images(), 100.0, IMAGE)
    assert found["matrix"][1] == 3.0
    assert found["image"] == IMAGE


def test_the_trained_example_stays_in_its_bounds():
    loaded, network = decomposed_digits()
    preprocessing = loaded.preprocessing
    colours = [
        ((end - mean) / std)
        for mean, std in zip(preprocessing.mean, preprocessing.std, strict=True)
        for end in (0, 1)
    ]
    image = min(colours), max(colours)
    given = image[0] + (image[1] - image[0]) * torch.rand(2, 3, 96, 96).round()
    bounds = bounds_of(network, image)
    spans = ends(network, given)
    assert all(bounds[name][0] - 1e-3 <= low for name, (low, _) in spans.items())
    assert all(high <= bounds[name][1] + 1e-3 for name, (_, high) in spans.items())
