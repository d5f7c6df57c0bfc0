"""Layers behind nearly constant channels stay in float, where evening them out is not possible."""

import numpy as np
import pytest
import torch
from quantization.networks import images, quantized, traced
from torch import nn

from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.coarse_biases import coarse_operators, notes_on_float
from micronet_edge.quantization.simulate import Simulation
from micronet_edge_onnx.session import outputs_of
from micronet_edge_onnx.write import quantized_model
from micronet_edge_tflite.network_file import quantized_file
from micronet_edge_tflite.session import TfliteSession

GIVEN = images(32)
KEPT = ("0", "1", "2", "3")


def with_stem(clip):
    """A stem with nearly constant channels, a layer that makes up for them, and an ordinary one."""
    network = traced(
        nn.Conv2d(3, 6, 1), clip, nn.Conv2d(6, 6, 3, groups=6), nn.Hardtanh(-1, 1), nn.Conv2d(6, 4, 6)
    )
    with torch.no_grad():
        first, second = network.get_submodule("0"), network.get_submodule("2")
        first.weight.mul_(0.01), first.bias.copy_(torch.linspace(1, 5, 6))
        second.weight.mul_(300), second.bias.copy_(-second.weight.sum((1, 2, 3)) * first.bias)
    return network


def operators(network, bits=8):
    return coarse_operators(network, calibrate(network, GIVEN, 100.0), bits)


def written(form, target, folder):
    if target == "tflite":
        (folder / "file.tflite").write_bytes(quantized_file(form))
        return TfliteSession(folder / "file.tflite", 1).run(GIVEN.numpy()).reshape(len(GIVEN), -1)
    path = folder / "file.onnx"
    path.write_bytes(quantized_model(form, len(GIVEN)).SerializeToString())
    return outputs_of(path)(GIVEN.numpy())[0].reshape(len(GIVEN), -1)


def error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("target", ["onnx", "tflite"])
def test_the_file_loses_little(target, tmp_path):
    network = with_stem(nn.ReLU6())
    kept = operators(network)
    assert kept == KEPT
    with torch.no_grad():
        expected = network(GIVEN).flatten(1).numpy()
    coarse, mended = (quantized(network, given=GIVEN, float_layers=each) for each in ((), kept))
    assert error(written(coarse, target, tmp_path), expected) > 0.2
    found = written(mended, target, tmp_path)
    assert error(found, expected) < 0.03
    with torch.no_grad():
        assert error(Simulation(mended)(GIVEN).flatten(1).numpy(), found) < 0.01  # 40 dB


def test_a_relu_is_left_to_those_who_even_channels_out():
    assert operators(with_stem(nn.ReLU())) == ()


def test_steps_of_16_bits_are_fine_enough():
    assert operators(with_stem(nn.ReLU6()), bits=16) == ()


def test_an_ordinary_network_stays_in_integers():
    network = traced(nn.Conv2d(3, 6, 1), nn.ReLU6(), nn.Conv2d(6, 12, 3, groups=6), nn.Conv2d(12, 4, 1))
    assert operators(network) == ()
    assert notes_on_float(network, ()) == ()


def test_the_note_names_the_layers():
    (note,) = notes_on_float(with_stem(nn.ReLU6()), KEPT)
    assert note.startswith("0, 2: stay in float32")
