"""Layers whose result is always zero: LiteRT aborts, or refuses the file, where their scale is too small."""

import pytest
import torch
import torch.nn.functional as F
from any_files import Way, file_difference

GIVEN = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1))
DEAD = {
    "a sum": lambda x: F.relu(-x.abs() + -(x * x)),
    "a sum before a ReLU6": lambda x: F.relu6(-x.abs() + -(x * x)),
    "a hard swish": lambda x: F.hardswish(-x.abs() - 3),
    "a linear layer": lambda x: F.relu(F.linear(-x.abs(), torch.ones(8, 8))),
    "a transposed convolution": lambda x: F.relu(F.conv_transpose2d(-x.abs(), torch.ones(3, 3, 1, 1))),
    "a depthwise convolution": lambda x: F.relu(
        F.conv2d(-x.abs(), torch.ones(3, 1, 3, 3), groups=3, padding=1)
    ),
}


@pytest.mark.parametrize("target", ["onnx", "tflite"])
@pytest.mark.parametrize("name", sorted(DEAD))
def test_the_file_opens_and_the_rest_is_right(name, target, tmp_path):
    assert file_difference(lambda x: x + DEAD[name](x), GIVEN, Way(target, "int8"), tmp_path) < 0.01
