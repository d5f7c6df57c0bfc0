"""An operator in one file is enough; a layer that has none is computed in float32 and rounded."""

from math import inf

import numpy as np
import pytest
import torch
from quantization.networks import images, quantized, traced
from torch import nn

from micronet_edge.quantization.bound_ranges import bounds_of
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.integer_arithmetic import straight_through
from micronet_edge.quantization.operators import registry
from micronet_edge.quantization.operators.clip import HardtanhOperator
from micronet_edge.quantization.operators.operator import Operator, hull
from micronet_edge.quantization.operators.registry import operator_of, register
from micronet_edge.quantization.quantized_tensors import clip_after, quantized_tensors, tensor_name
from micronet_edge.quantization.sensitivity import analyze
from micronet_edge.quantization.simulate import Simulation, rounded
from micronet_edge.quantization.widen_ranges import LARGEST_FACTOR, widened

IMAGE = (-2.0, 2.0)
GIVEN = images(12).clamp(*IMAGE)


class Square(nn.Module):
    """A layer that the quantization has never seen."""

    def forward(self, x):
        return x * x


class SquareOperator(Operator[Square]):
    """Of a runtime that rescales squares of integers with a multiplier of 15 bits, and rounds down."""

    def bounds(self, _layer, _node, *inputs):
        ((low, high),) = inputs
        return (0.0 if low <= 0 <= high else min(low * low, high * high)), max(low * low, high * high)

    def accumulator_scale(self, call):
        return call.inputs[0].scale ** 2

    def in_integers(self, call, *inputs):
        exact = super().in_integers(call, *inputs)
        levels = (inputs[0].detach() / call.inputs[0].scale).round().long()
        multiplier = round(self.accumulator_scale(call) / call.result.scale * 2**15)
        return straight_through(exact, (levels * levels * multiplier >> 15) * call.result.scale)


@pytest.fixture
def table(monkeypatch):
    """A table that forgets what a test registers."""
    monkeypatch.setattr(registry, "_OPERATORS", dict(registry._OPERATORS))


@pytest.fixture
def registered(table):  # noqa: ARG001 - it is what this changes
    register(Square, SquareOperator())


def tensors(found):
    with torch.no_grad():
        return {tensor_name(node): value for node, value in Simulation(found).tensors(GIVEN)}


def by_hand(found):
    """What the integers of the runtime give, from the image on."""
    image, square = found.tensor_qparams["image"], found.tensor_qparams["0"]
    levels = image.integers(GIVEN.numpy()).astype(np.int64) - image.zero_point
    multiplier = round(image.scale**2 / square.scale * 2**15)
    integers = (levels * levels * multiplier >> 15) + square.zero_point
    return (integers.clip(square.lowest, square.highest) - square.zero_point) * square.scale


def is_by_hand(found):
    return np.abs(tensors(found)["0"].numpy() - by_hand(found)).max() < 1e-5


@pytest.mark.usefixtures("registered")
def test_calibration_asks_a_registered_operator_for_bounds():
    network = traced(Square(), nn.Conv2d(3, 4, 1))
    assert bounds_of(network, IMAGE)["0"] == (0.0, 4.0)
    nearly = GIVEN * 0.99
    assert calibrate(network, nearly, 100.0)["0"][1] < 4.0
    assert calibrate(network, nearly, 100.0, IMAGE)["0"] == (0.0, 4.0)


@pytest.mark.usefixtures("registered")
def test_a_range_is_as_wide_as_a_registered_operator_needs_it():
    network = traced(Square(), nn.Conv2d(3, 4, 1))
    ranges = {"image": IMAGE, "0": (0.0, 1e-5), "1": (-1.0, 1.0)}
    smallest = (4 / 255) ** 2 / LARGEST_FACTOR
    assert widened(network, ranges, 8)["0"] == (0.0, pytest.approx(smallest * 255))


@pytest.mark.usefixtures("table")
def test_the_simulation_gives_the_integers_of_a_registered_operator():
    network = traced(Square(), nn.Conv2d(3, 4, 1))
    assert not is_by_hand(quantized(network, given=GIVEN))
    register(Square, SquareOperator())
    assert is_by_hand(quantized(network, given=GIVEN))


@pytest.mark.usefixtures("registered")
def test_gradients_pass_through_a_registered_operator():
    network = traced(nn.Conv2d(3, 4, 1), Square())
    Simulation(quantized(network, given=GIVEN))(GIVEN).sum().backward()
    gradient = network.get_submodule("0").weight.grad
    assert gradient is not None
    assert gradient.abs().max() > 0


@pytest.mark.usefixtures("table")
def test_the_sensitivity_analysis_sees_what_a_registered_operator_loses():
    """Rounding down is further from float32 than rounding to the nearest."""
    network = traced(Square(), nn.Conv2d(3, 4, 1), nn.Flatten(1))
    nearest = analyze(quantized(network, given=GIVEN), network, GIVEN)
    register(Square, SquareOperator())
    down = analyze(quantized(network, given=GIVEN), network, GIVEN)
    before, after = ({row.layer: row for row in each.rows}["0"] for each in (nearest, down))
    assert before.sqnr_db - after.sqnr_db > 1
    assert after.noise_share > before.noise_share
    assert down.sqnr_db < nearest.sqnr_db


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("layer", [nn.LeakyReLU(0.3), nn.Softplus(), Square()], ids=repr)
def test_a_layer_without_an_operator_is_computed_in_float_and_rounded(layer, bits):
    network = traced(nn.Conv2d(3, 4, 1), layer, nn.Conv2d(4, 2, 1))
    assert bounds_of(network, IMAGE)["1"] == (-inf, inf)
    assert quantized_tensors(network) == {name: name for name in ("image", "0", "1", "2")}
    ranges = dict.fromkeys(("image", "0", "1", "2"), (-1e-3, 1e3))
    assert widened(network, ranges, bits) == ranges
    found = quantized(network, bits, given=GIVEN)
    values = tensors(found)
    assert torch.equal(values["1"], rounded(layer(values["0"]), found.tensor_qparams["1"]))
    assert not torch.equal(values["1"], layer(values["0"]))


@pytest.mark.usefixtures("table")
def test_a_layer_of_a_subclass_has_the_operator_of_the_nearest_base_class():
    class OwnSquare(Square):
        pass

    assert type(operator_of(OwnSquare())) is Operator
    register(Square, SquareOperator())
    assert isinstance(operator_of(OwnSquare()), SquareOperator)
    other = SquareOperator()
    register(OwnSquare, other)
    assert operator_of(OwnSquare()) is other
    assert operator_of(Square()) is not other
    assert isinstance(operator_of(nn.ReLU6()), HardtanhOperator)


@pytest.mark.usefixtures("table")
def test_a_registered_clip_is_done_by_the_operator_before_it():
    class Ceiling(nn.Module):
        def forward(self, x):
            return x.clamp(max=1.0)

    class CeilingOperator(Operator[Ceiling]):
        is_clip = True

        def bounds(self, _layer, _node, *inputs):
            low, high = hull(*inputs)
            return min(low, 1.0), min(high, 1.0)

    network = traced(nn.Conv2d(3, 4, 1), Ceiling())
    assert quantized_tensors(network) == {name: name for name in ("image", "0", "1")}
    register(Ceiling, CeilingOperator())
    assert quantized_tensors(network) == {"image": "image", "1": "1"}
    conv, clip = (node for node in network.graph.nodes if node.op == "call_module")
    assert clip_after(conv) is clip
    assert bounds_of(network, IMAGE)["1"][1] == 1.0
