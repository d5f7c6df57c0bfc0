"""The simulation rounds where integer files round, and lets gradients through."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from quantization.networks import images, layer_names, quantized, traced
from torch import nn

from micronet_edge.lowering.ir.primitives import AddConstant, MultiplyConstant
from micronet_edge.quantization import stored_weights, xnnpack
from micronet_edge.quantization.qparams import QuantParams, activation_qparams, bias_scales
from micronet_edge.quantization.quantized_tensors import IMAGE, tensor_name
from micronet_edge.quantization.simulate import Simulation, rounded
from micronet_edge_tflite.network_file import quantized_file
from micronet_edge_tflite.session import TfliteSession

GIVEN = images(8)


@pytest.fixture
def network():
    border = torch.zeros(1, 6, 1, 8)
    border[..., 0] = torch.linspace(-0.3, 0.3, 6)[None, :, None]
    body = nn.Conv2d(3, 6, 3, padding=1), AddConstant(border), nn.ReLU6(), nn.Conv2d(6, 8, 3, 2, 1, groups=2)
    gate = nn.Hardtanh(-0.5, 0.5), MultiplyConstant(torch.tensor(0.7))
    return traced(*body, *gate, nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(8, 4))


def run(found):
    with torch.no_grad():
        return Simulation(found)(GIVEN)


def all_in_float(found):
    return replace(found, float_layers=frozenset({IMAGE, *layer_names(found.network)}))


def test_all_in_float_it_is_the_network(network):
    with torch.no_grad():
        assert torch.equal(run(all_in_float(quantized(network))), network(GIVEN))


@pytest.mark.parametrize(("bits", "tolerance"), [(8, 0.1), (16, 0.02)])
def test_in_integers_it_is_close_to_the_network(network, bits, tolerance):
    with torch.no_grad():
        expected = network(GIVEN)
    difference = (run(quantized(network, bits)) - expected).abs().max()
    assert 0 < difference < tolerance * expected.abs().max()


def test_every_quantized_tensor_stands_for_integers(network):
    found = quantized(network)
    with torch.no_grad():
        values = {tensor_name(node): value for node, value in Simulation(found).tensors(GIVEN)}
    for name, qparams in found.tensor_qparams.items():
        if name == IMAGE:  # rounded by those who read it
            continue
        numbers = values[name] / qparams.scale
        assert (numbers - numbers.round()).abs().max() < 1e-3


def test_a_layer_in_float_gives_what_it_computes(network):
    found = quantized(network)
    last = layer_names(network)[-1]
    in_integers = run(found)
    mixed = run(replace(found, float_layers=frozenset({last})))
    qparams = found.tensor_qparams[last]
    assert ((in_integers / qparams.scale).round() * qparams.scale - in_integers).abs().max() < 1e-4
    assert (mixed - (mixed / qparams.scale).round() * qparams.scale).abs().max() > 1e-3 * qparams.scale


def test_an_integer_layer_rounds_what_a_float_layer_gives(network):
    """The other way round, an integer layer's result is what the integers stand for."""
    found = quantized(network)
    first = layer_names(network)[0]
    mixed = replace(found, float_layers=frozenset(layer_names(network)[1:]))
    assert not torch.equal(run(mixed), run(all_in_float(found)))
    behind = replace(found, float_layers=frozenset({IMAGE, first}))
    assert not torch.equal(run(behind), run(found))


def test_gradients_pass(network):
    found = quantized(network)
    Simulation(found)(GIVEN).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().max() > 0, name


def test_gradients_are_one_inside_the_range_and_zero_outside():
    values = torch.tensor([-9.0, -0.3, 0.26, 9.0], requires_grad=True)
    rounded(values, QuantParams(0.01, 0, 8)).sum().backward()
    assert values.grad.tolist() == [0, 1, 1, 0]


@given(
    values=st.lists(st.floats(-20, 20, width=32), min_size=1),
    low=st.floats(-9, 0),
    high=st.floats(0.1, 9),
    bits=st.sampled_from([8, 16]),
)
def test_it_rounds_as_the_files_constants_are_rounded(values, low, high, bits):
    qparams = activation_qparams(low, high, bits)
    array = np.array(values, np.float32)
    meant = qparams.scale * (qparams.integers(array) - qparams.zero_point)
    steps = (rounded(torch.from_numpy(array), qparams).numpy() - meant) / qparams.scale
    # A tie, and what float32 takes for one, may go either way.
    ties = np.abs(np.abs(array / qparams.scale % 1) - 0.5) < 0.01
    assert (np.abs(steps) < np.where(ties, 1.01, 0.01)).all()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("floats", [(), ("3", "4"), ("0",), ("8",), ("5", "6")], ids=str)
def test_it_gives_the_numbers_of_the_tflite_file(network, tmp_path, bits, floats):
    found = quantized(network, bits, float_layers=floats)
    (tmp_path / "file.tflite").write_bytes(quantized_file(found))
    logits = TfliteSession(tmp_path / "file.tflite", 1).run(GIVEN.numpy())
    steps = np.abs(logits - run(found).numpy()) / found.tensor_qparams["8"].scale
    assert steps.max() < (1.5 if bits == 8 else 200)  # a tie early on is one step of 8 bits, many of 16
    assert np.abs(logits - run(found).numpy()).max() < 0.02 * np.abs(logits).max()


def test_a_bias_is_rounded_as_files_round_it(tmp_path, monkeypatch):
    # A channel that hardly varies has huge folded weights: a step of the bias is many of the output.
    near_constant = traced(nn.Conv2d(3, 6, 1), nn.ReLU6(), nn.Conv2d(6, 6, 3, groups=6), nn.Hardtanh(-1, 1))
    with torch.no_grad():
        first, last = near_constant.get_submodule("0"), near_constant.get_submodule("2")
        first.weight.mul_(0.01), first.bias.copy_(torch.linspace(1, 5, 6))
        last.weight.mul_(300), last.bias.copy_(-last.weight.sum((1, 2, 3)) * first.bias)
    found = quantized(near_constant)
    (tmp_path / "file.tflite").write_bytes(quantized_file(found))
    expected = TfliteSession(tmp_path / "file.tflite", 1).run(GIVEN.numpy())
    assert (np.abs(run(found).numpy() - expected) < found.tensor_qparams["3"].scale / 2).mean() > 0.999
    monkeypatch.setattr(
        stored_weights, "bias_integers", lambda bias, scales, qparams: bias / bias_scales(scales, qparams)
    )
    monkeypatch.setattr(xnnpack, "whole", lambda values: values)
    assert (np.abs(run(found).numpy() - expected) < found.tensor_qparams["3"].scale / 2).mean() < 0.9


def test_weights_in_16_bits_are_read_as_these():
    found = replace(all_in_float(quantized(traced(nn.Conv2d(3, 6, 3)))), half_weights=True)
    conv = found.network.get_submodule("0")
    halves = conv.weight.detach().half().float()
    assert not torch.equal(halves, conv.weight)
    with torch.no_grad():
        assert torch.equal(run(found), torch.nn.functional.conv2d(GIVEN, halves, conv.bias))
