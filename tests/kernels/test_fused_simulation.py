"""The simulation of fused activations gives the numbers of a file that runs with kernels."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from kernels.small_networks import images, maps, written_int8
from lowering.networks import lively, shift_max, stem
from torch import nn

from micronet_edge.quantization.fuse_activations import with_fused_activations
from micronet_edge.quantization.layer_outputs import decibels
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.registry import find_target

pytestmark = pytest.mark.usefixtures("path")
CLOSE_DB = 40
"""What is left are ties in rounding, one step here and there."""


def simulated(form, given):
    with torch.no_grad():
        found = Simulation(form)(torch.from_numpy(given))
    return found.flatten(1).numpy()


def closeness(found, expected):
    return decibels(float(np.square(expected).sum()), float(np.square(found - expected).sum()))


@pytest.mark.parametrize("activation", ["act", "features/block1/project_activation"])
@pytest.mark.parametrize(
    ("channels", "groups", "fusions", "size"), [(12, 4, 2, 16), (8, 2, 1, 16), (24, 4, 2, 8), (64, 8, 1, 8)]
)
def test_it_gives_the_numbers_of_the_file(tmp_path, activation, channels, groups, fusions, size):
    parts = {"first": stem(channels), activation: shift_max(channels, groups, 2, fusions)}
    module = lively(nn.Sequential(OrderedDict(parts, last=nn.Conv2d(channels, 8, 1)))).eval()
    path, form = written_int8(module, "tflite", tmp_path, size=size)
    session, given = find_target("tflite").open(path), images(8, size)
    assert session.fused == 1
    found = maps(session, given)
    close = closeness(found, simulated(with_fused_activations(form), given))
    assert close >= CLOSE_DB
    assert closeness(found, simulated(form, given)) < close - 6  # which rounds inside
