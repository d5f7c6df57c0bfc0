"""Bias correction brings every channel's mean back to what it is in float."""

import copy
from dataclasses import replace

import pytest
import torch
from quantization.networks import images, layer_names, quantized, traced
from quantized_digits import image_folder, quantized_digits
from torch import nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.correct_bias import correct_bias
from micronet_edge.quantization.quantized_tensors import IMAGE
from micronet_edge.quantization.simulate import Simulation

GIVEN = images(40)  # more than one batch


def layered(*, bias=True):
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(6, 4, bias=bias)
    return traced(nn.Conv2d(3, 6, 3, bias=bias), nn.ReLU(), nn.Conv2d(6, 6, 3, bias=bias), nn.ReLU6(), *head)


def coarse(network):
    """The network with ranges a quarter as wide as its values, so that rounding shifts every mean."""
    whole = quantized(network, given=GIVEN)
    tensor_qparams = {
        name: replace(qparams, scale=qparams.scale / 4) for name, qparams in whole.tensor_qparams.items()
    }
    return replace(whole, tensor_qparams=tensor_qparams)


def channel_means(network, values_of):
    """The mean of each channel of what each layer with weights gives, before that is rounded."""
    means, values = {}, {}
    with torch.no_grad():
        for node in network.graph.nodes:
            if node.op == "output":
                return means
            inputs = [values[source] for source in node.all_input_nodes]
            values[node], given = values_of(node, inputs)
            if isinstance(module_of(node), nn.Conv2d | nn.Linear):
                means[str(node.target)] = given.transpose(0, 1).flatten(1).mean(1)
    raise AssertionError


def in_float(network):
    def values_of(node, inputs):
        value = GIVEN if node.op == "placeholder" else module_of(node)(*inputs)
        return value, value

    return channel_means(network, values_of)


def in_integers(found):
    simulation = Simulation(found)

    def values_of(node, inputs):
        given = GIVEN if node.op == "placeholder" else simulation.start(node, *inputs)
        return simulation.finish(node, given), given

    return channel_means(found.network, values_of)


@pytest.mark.parametrize("bias", [True, False])
def test_the_means_come_back(bias):
    network = layered(bias=bias)
    expected = in_float(network)
    found = coarse(copy.deepcopy(network))
    assert any((means - expected[name]).abs().max() > 0.01 for name, means in in_integers(found).items())
    correct_bias(found, GIVEN)
    means = in_integers(found)
    assert set(means) == {"0", "2", "6"}
    for name, mean in means.items():
        torch.testing.assert_close(mean, expected[name], atol=1e-5, rtol=1e-4)


def test_only_biases_change():
    network = layered()
    found = coarse(copy.deepcopy(network))
    correct_bias(found, GIVEN)
    before, after = network.state_dict(), found.network.state_dict()
    assert list(after) == list(before)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"0.bias", "2.bias", "6.bias"}


def test_what_is_in_float_alone_stays():
    network = layered()
    found = replace(coarse(network), float_layers=frozenset({IMAGE, *layer_names(network)}))
    before = copy.deepcopy(network.state_dict())
    correct_bias(found, GIVEN)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name], atol=1e-6, rtol=0)


def test_it_comes_out_the_same_every_time():
    first, second = (coarse(layered()) for _ in range(2))
    for found in (first, second):
        correct_bias(found, GIVEN)
    theirs = second.network.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in first.network.state_dict().items())


def test_of_the_trained_example_the_logits_means_come_back(tmp_path_factory):
    example = quantized_digits(image_folder(tmp_path_factory), "int8")
    given = torch.from_numpy(example.calibration)
    uncorrected = replace(example.quantized, network=example.network)
    with torch.no_grad():
        expected = example.network(given).mean(0)
        corrected, before = (Simulation(each)(given).mean(0) for each in (example.quantized, uncorrected))
    assert (corrected - expected).abs().max() < 0.1 * expected.abs().max()
    assert (corrected - expected).norm() < (before - expected).norm()
