"""Clips that no operator's options have: allowed in the files of every kind."""

import pytest
import torch
from tflite_networks import around, exported, is_ours, quantized
from torch import nn


class Twice(nn.Module):
    """A map plus its own activation, which so stands alone."""

    def __init__(self, activation):
        super().__init__()
        self.conv, self.activation = nn.Conv2d(16, 16, 1), activation

    def forward(self, x):
        y = self.conv(x)
        return y + self.activation(y)


CUT = (-0.1, 0.2)
LAYERS = {
    "pooled RELU": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.ReLU()),
    "alone RELU": lambda: Twice(nn.ReLU()),
    "alone RELU6": lambda: Twice(nn.ReLU6()),
    "MINIMUM": lambda: nn.Hardtanh(*CUT),
}


def network(name):
    torch.manual_seed(0)
    return around(LAYERS[name]())


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_in_float(tmp_path, name, precision):
    file = exported(network(name), tmp_path, precision)
    assert is_ours(file.path)
    assert file.proof.operators[name.split()[-1]] == 1


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        *(("alone RELU", precision) for precision in ("int8", "int8-a16")),
        *(("alone RELU6", precision) for precision in ("int8", "int8-a16")),
        ("pooled RELU", "int8-a16"),  # integers around 0 have no end at 0
    ],
)
def test_in_integers(calibration, tmp_path, name, precision):
    file = quantized(network(name), tmp_path, calibration, precision)
    assert file.proof.operators[name.split()[-1]] == 1
    assert file.proof.cosine > 0.999


def test_integers_saturate_where_their_range_ends_at_the_clip(calibration, tmp_path):
    file = quantized(network("MINIMUM"), tmp_path, calibration, "int8")
    assert not {"MAXIMUM", "MINIMUM"} & set(file.proof.operators)
    assert file.proof.cosine > 0.999
