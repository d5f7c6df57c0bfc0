"""A factor or an offset that has no axes is none of a cluster's; the delegate leaves the graph to LiteRT."""

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter, load_delegate
from lowering.networks import lively
from torch import nn
from torch.nn import functional

from micronet_edge import ExportSettings, export


class Gate(nn.Module):
    """Squeeze and excite, with a hard sigmoid as users write it."""

    def __init__(self, offset):
        super().__init__()
        self.conv, self.offset = nn.Conv2d(8, 8, 1), offset

    def forward(self, x):
        gate = functional.relu6(self.conv(x.mean((2, 3), keepdim=True)))
        return x * (gate + self.offset if self.offset else gate / 6.0)


@pytest.mark.parametrize("offset", [0.0, 0.25], ids=["factor", "offset"])
@pytest.mark.usefixtures("library")
def test_a_gate_of_a_number_is_computed(offset, path, tmp_path):
    settings = ExportSettings(
        output=tmp_path, formats=("tflite",), input_shapes={"x": (8, 6, 6)}, color_order="NONE"
    )
    network = lively(Gate(offset))
    (file,) = export(network, settings=settings)
    interpreter = Interpreter(str(file.path), experimental_delegates=[load_delegate(str(path))])
    interpreter.allocate_tensors()
    x = torch.randn(1, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x.numpy().transpose(0, 2, 3, 1))
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).transpose(0, 3, 1, 2)
    with torch.no_grad():
        assert np.abs(found - network(x).numpy()).max() <= 1e-5
