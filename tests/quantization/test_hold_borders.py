"""Borders of a constant keep their numbers in files of integers, whatever their map holds."""

import pytest
import torch
import torch.nn.functional as F
from any_files import Way, file_difference
from torch import nn

GIVEN = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1))
ONES = torch.ones(4, 3, 3, 3)
NETWORKS = {
    "above": lambda x: F.pad(x, (1, 1), value=30.0),
    "below": lambda x: F.pad(F.relu(x), (1, 1), value=-3.0),
    "summed": lambda x: F.conv2d(F.pad(x, (1, 1, 1, 1), value=30.0), ONES),
    "of zeros": lambda x: F.pad(x - x, (1, 1), value=3.0),
    "pooled": lambda x: F.max_pool2d(F.pad(F.conv2d(x, ONES), (1, 1, 1, 1), value=-1e9), 3, 2),
    "pooled infinity": lambda x: F.max_pool2d(
        F.pad(F.conv2d(x, ONES), (1, 1, 1, 1), value=-float("inf")), 3, 2
    ),
    "beyond a sigmoid": lambda x: F.pad(torch.sigmoid(x), (1, 1), value=-5.0),
    "its end": lambda x: F.pad(torch.sigmoid(x), (1, 1), value=1.0),
    "beyond a softmax": lambda x: F.conv2d(F.pad(F.softmax(x, 1), (1, 1, 1, 1), value=7.0), ONES),
}


@pytest.mark.parametrize("target", ["onnx", "tflite"])
@pytest.mark.parametrize("precision", ["int8", "int8-a16"])
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_border_is_held(name, precision, target, tmp_path):
    assert file_difference(NETWORKS[name], GIVEN, Way(target, precision), tmp_path) < 0.02


@pytest.mark.parametrize("target", ["onnx", "tflite"])
@pytest.mark.parametrize(
    "layer",
    [nn.Linear(8, 4), nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(3, 4, 2)],
    ids=lambda layer: type(layer).__name__,
)
def test_a_bias_far_above_the_sum_does_not_overflow(layer, target, tmp_path):
    """As of a layer whose input is nearly zero, for which the integers of the bias are large."""
    with torch.no_grad():
        layer.bias[0] = 100
    assert file_difference(lambda x: layer(1e-6 * x), GIVEN, Way(target, "int8"), tmp_path) < 0.01
