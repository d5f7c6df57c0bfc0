"""Ranges are wide enough for what integer kernels take; a layer that gives nothing gets a file as well."""

import numpy as np
import pytest
import torch
from kernels.small_networks import images, maps, network, written_int8
from quantization.networks import traced
from torch import nn

from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.layer_outputs import decibels
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.quantization.widen_ranges import LARGEST_FACTOR, widened
from micronet_edge.targets.registry import find_target


def dead():
    """A squeeze layer that never fires."""
    module = network(behind=(nn.Conv2d(12, 8, 1),))
    with torch.no_grad():
        module[1].squeeze.bias.fill_(-100.0)
    return module


def constant():
    """A first layer that hardly varies, and a last one that makes much of it."""
    module = network(behind=(nn.Conv2d(12, 8, 1),))
    with torch.no_grad():
        module[0].weight.mul_(1e-6)
    return module


@pytest.mark.parametrize("name", ["onnx", "tflite"])
@pytest.mark.parametrize("made", [dead, constant])
def test_a_file_opens_and_computes_what_was_written(tmp_path, name, made):
    path, form = written_int8(made(), name, tmp_path, size=8)
    given = images(8, 8)
    found = maps(find_target(name).open(path, kernels="off"), given)
    with torch.no_grad():
        expected = Simulation(form)(torch.from_numpy(given)).flatten(1).numpy()
    assert decibels(float(np.square(expected).sum()), float(np.square(found - expected).sum())) >= 40


@pytest.mark.parametrize("bits", [8, 16])
def test_the_range_of_nothing_is_as_wide_as_the_sums_ask_for(bits):
    layers = traced(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    with torch.no_grad():
        layers.get_submodule("0").bias.fill_(-100.0)
    given = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    ranges = calibrate(layers, given, 100.0)
    assert ranges["1"] == (0.0, 0.0)
    low, high = widened(layers, ranges, bits)["1"]
    least, most = ranges["image"]
    span = most - least if bits == 8 else max(most, -least)
    weight = float(layers.get_submodule("0").weight.detach().abs().max()) / 127
    assert low == 0.0
    assert high == pytest.approx(span * weight / LARGEST_FACTOR, rel=0.01)


def test_ordinary_ranges_stay_as_they_are():
    border = torch.zeros(1, 4, 1, 8)
    border[..., 0] = 0.2
    layers = traced(nn.Conv2d(3, 4, 3, padding=1), AddConstant(border), nn.ReLU6(), nn.Conv2d(4, 2, 1))
    ranges = calibrate(layers, torch.randn(16, 3, 8, 8), 100.0)
    assert widened(layers, ranges, 8) == ranges
