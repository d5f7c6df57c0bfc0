"""A signature names each input and output of the network, in every format."""

import pytest
import torch
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import TargetError
from micronet_edge.lowering import lower
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target


class _Two(nn.Module):
    def forward(self, x):
        return x + 1, torch.relu(x)


@pytest.mark.parametrize("format_", ["onnx", "tflite"])
def test_a_classifiers_signature_does_not_fit_two_outputs(format_, tmp_path):
    metadata = FileMetadata("two", ("a", "b"), Preprocessing(size=8, resize=8))
    spec = ExportSpec(8, 1, naive=False, portable=False, metadata=metadata)
    target = find_target(format_)
    network = lower(_Two(), target.pipeline(spec), 8).network
    with pytest.raises(TargetError, match="has 1 input and 2 outputs, its signature names image and logits"):
        target.export(network, spec, tmp_path / "two")
    assert not list(tmp_path.iterdir())
