"""Every canonical layer can be calibrated, simulated in integers and analyzed; it is near to float."""

from dataclasses import replace
from math import inf, isfinite

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from quantization.operators.canonical_layers import CASES, Case, quantized
from torch import nn

from micronet_edge.lowering.ir import primitives as p
from micronet_edge.quantization.bound_ranges import bounds_of
from micronet_edge.quantization.correct_bias import correct_bias
from micronet_edge.quantization.half_up import HALF_UP
from micronet_edge.quantization.operators.registry import operator_of
from micronet_edge.quantization.sensitivity import analyze
from micronet_edge.quantization.simulate import Simulation

MOST_LEVELS = 6.0
"""Of the result's: those of the inputs and of the weight come in addition to its own half."""


def levels_off(case, bits=8, arithmetic=None):
    """The largest difference from float, in levels of the result."""
    found, inputs = quantized(case, bits)
    if arithmetic is not None:
        found = replace(found, arithmetic=arithmetic)
    with torch.no_grad():
        rounded, exact = Simulation(found)(*inputs), found.network(*inputs)
    assert rounded.shape == exact.shape
    return float((rounded - exact).abs().max()) / max(
        qparams.scale for qparams in found.tensor_qparams.values()
    )


IN_INTEGERS = [case for case in CASES if operator_of(case.layer).has_integer_form]


@pytest.mark.parametrize("case", IN_INTEGERS, ids=lambda case: case.name)
def test_integers_are_a_few_levels_from_float(case):
    assert levels_off(case) <= MOST_LEVELS


@pytest.mark.parametrize("case", IN_INTEGERS, ids=lambda case: case.name)
def test_so_are_integers_that_are_rounded_half_up(case):
    assert levels_off(case, arithmetic=HALF_UP) <= MOST_LEVELS


@pytest.mark.parametrize("case", IN_INTEGERS, ids=lambda case: case.name)
def test_integers_of_16_bits_are_a_few_levels_from_float(case):
    weights_of_8_bits = isinstance(case.layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)
    assert levels_off(case, 16) <= (256 if weights_of_8_bits else 2) * MOST_LEVELS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_number_is_beyond_its_bounds(case):
    found, inputs = quantized(case)
    most = max(float(each.abs().max()) for each in inputs)
    low, high = bounds_of(found.network, (0.1 if case.positive else -most, most))["layer"]
    with torch.no_grad():
        exact = found.network(*inputs)
    assert low - 1e-5 <= float(exact.min())
    assert float(exact.max()) <= high + 1e-5
    least, highest = bounds_of(found.network, (-inf, inf))["layer"]
    assert least <= low
    assert highest >= high


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_bias_of_a_layer_is_corrected_to_the_mean_of_float(case):
    found, inputs = quantized(case)
    exact = found.network(*inputs).detach()
    correct_bias(found, inputs)
    if not isinstance(case.layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        return
    with torch.no_grad():
        error = Simulation(found)(*inputs) - exact
    channels = exact.ndim - 1 if isinstance(case.layer, nn.Linear) else 1
    means = error.movedim(channels, 0).flatten(1).mean(1)
    assert float(means.abs().max()) < found.tensor_qparams["layer"].scale / 4


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_analysis_finds_the_noise_of_a_layer(case):
    found, inputs = quantized(case)
    result = analyze(found, found.network, inputs)
    assert result.agreement is None
    assert result.top1_float is None
    assert len(result.rows) == len(inputs) + 1
    assert all(isfinite(row.sqnr_db) and row.agreement_back is None for row in result.rows)
    assert result.sqnr_db > 20


@pytest.mark.parametrize("layer", [p.Divide(), p.Logarithm(), p.ReciprocalSquareRoot()], ids=repr)
def test_some_have_no_integer_form(layer):
    assert not operator_of(layer).has_integer_form
    assert operator_of(p.Multiply()).has_integer_form


def test_what_pads_is_clamped_into_the_range():
    case = Case("pad", p.Pad(((0, 0), (0, 0), (1, 1), (1, 1)), -100.0))
    found, inputs = quantized(case)
    rounded = Simulation(found)(*inputs)
    low = found.tensor_qparams["image"].low
    assert torch.allclose(rounded[:, :, 0], torch.tensor(low))
    assert float(rounded.min()) >= low - 1e-6


@settings(max_examples=25, deadline=None)
@given(
    groups=st.integers(1, 3),
    inputs=st.integers(1, 3),
    outputs=st.integers(1, 4),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    side=st.integers(3, 6),
)
def test_any_transposed_convolution_has_a_scale_for_each_channel(
    groups, inputs, outputs, kernel, stride, side
):
    layer = nn.ConvTranspose2d(groups * inputs, groups * outputs, kernel, stride, groups=groups)
    with torch.no_grad():  # channels that differ by orders of magnitude, which one scale would lose
        layer.weight.mul_(10.0 ** -torch.arange(outputs).view(1, -1, 1, 1))
    found, samples = quantized(Case("", layer, ((groups * inputs, side, side),)))
    stored = operator_of(layer).stored(
        found.call(next(n for n in found.network.graph.nodes if n.op == "call_module"), layer)
    )["weight"]
    largest = layer.weight.abs().amax((2, 3), keepdim=True).expand_as(layer.weight)
    by_channel = largest.view(groups, inputs, outputs, kernel, kernel).amax(1, keepdim=True)
    room = by_channel.expand(-1, inputs, -1, -1, -1).reshape(layer.weight.shape) / 127
    assert ((stored - layer.weight).abs() <= 0.51 * room.clamp(min=1e-4 / 127)).all()
    assert Simulation(found)(*samples).isfinite().all()


@settings(max_examples=25, deadline=None)
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
    features=st.integers(1, 6),
)
def test_a_linear_layer_of_any_rank(shape, features):
    layer = nn.Linear(shape[-1], features)
    assert levels_off(Case("", layer, (shape,))) <= MOST_LEVELS


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 5), inner=st.integers(1, 6), columns=st.integers(1, 5), heads=st.integers(1, 3))
def test_a_product_of_matrices_of_any_size(rows, inner, columns, heads):
    case = Case("", p.MatrixProduct(), ((heads, rows, inner), (heads, inner, columns)))
    assert levels_off(case) <= MOST_LEVELS
