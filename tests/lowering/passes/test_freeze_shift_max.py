"""Dynamic Shift-Max in inference form: the hard sigmoid folded into the layers around it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    ReadTwice,
    assert_once_is_enough,
    assert_untouched,
    layer,
    operators,
    rewritten,
    shift_max,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering.ir.convolutions import BorderedConv
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution

FREEZE = FreezeShiftMax()

# What the producing convolution is multiplied by: 4 (the coefficients' range) / 6 (relu6's).
TWO_THIRDS = 2 / 3


@given(
    groups=st.integers(1, 5),
    width=st.integers(1, 4),
    shifts=st.integers(1, 4),
    fusions=st.integers(1, 3),
    bias=st.booleans(),
)
def test_behind_a_convolution_the_scale_folds_into_it(groups, width, shifts, fusions, bias):
    channels = groups * width
    producer = nn.Conv2d(3, channels, 1, bias=bias)
    before = traced(producer, shift_max(channels, groups, shifts, fusions))
    network, applied = rewritten(FREEZE, before)
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "FrozenShiftMax"]
    frozen = layer(network, FrozenShiftMax)
    assert (frozen.channels, frozen.shifts, frozen.fusions) == (channels, shifts, fusions)
    assert frozen.scale == 1
    torch.testing.assert_close(layer(network, nn.Conv2d).weight, producer.weight * TWO_THIRDS)
    assert_once_is_enough(FREEZE, network)


@pytest.mark.parametrize("between", [nn.ReLU(), nn.PReLU(6), nn.MaxPool2d(2)], ids=repr)
def test_behind_another_layer_the_coefficients_are_scaled(between):
    network, applied = rewritten(FREEZE, traced(stem(6), between, shift_max(6, 2)))
    assert applied.places == 1
    assert layer(network, FrozenShiftMax).scale == pytest.approx(TWO_THIRDS)


def test_at_the_input_the_coefficients_are_scaled():
    network, _ = rewritten(FREEZE, traced(nn.Sequential(shift_max(3, 3), stem(2))))
    assert layer(network, FrozenShiftMax).scale == pytest.approx(TWO_THIRDS)


def test_a_convolution_that_another_layer_reads_keeps_its_scale():
    before = traced(ReadTwice())
    network, _ = rewritten(FREEZE, before)
    assert layer(network, FrozenShiftMax).scale == pytest.approx(TWO_THIRDS)
    assert torch.equal(layer(network, nn.Conv2d).weight, layer(before, nn.Conv2d).weight)


def test_a_convolution_that_the_outside_reads_keeps_its_scale():
    class Outside(ReadTwice):
        def forward(self, x):
            y = self.conv(x)
            return {"features": y, "activated": self.activation(y)}

    network, _ = rewritten(FREEZE, traced(Outside()))
    assert layer(network, FrozenShiftMax).scale == pytest.approx(TWO_THIRDS)


def test_the_scale_folds_into_the_border_as_well():
    vertical = nn.Conv2d(3, 3, (3, 1), (2, 1), (1, 0), groups=3)
    horizontal = nn.Conv2d(3, 6, (1, 3), (1, 2), (0, 1), groups=3)
    merged, _ = rewritten(MergeFactorizedConvolution(), traced(vertical, horizontal, shift_max(6, 2)))
    network, _ = rewritten(FREEZE, merged)
    assert operators(network) == ["BorderedConv", "FrozenShiftMax"]
    expected = layer(merged, BorderedConv).bias_map * TWO_THIRDS
    torch.testing.assert_close(layer(network, BorderedConv).bias_map, expected)


@pytest.mark.parametrize("push", [-100.0, 100.0])
def test_saturated_coefficients_stay_what_they_are(push):
    before = traced(stem(6), shift_max(6, 3))
    nn.init.constant_(before.get_submodule("1").excite.bias, push)
    _, applied = rewritten(FREEZE, before)
    assert applied.places == 1


def test_other_layers_stay():
    assert_untouched(FREEZE, traced(stem(6), nn.ReLU6(), nn.Hardsigmoid()))
