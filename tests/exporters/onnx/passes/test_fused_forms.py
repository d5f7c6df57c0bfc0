"""What a user's network spells out becomes the operator that ONNX has for it, with the same numbers."""

from collections import Counter

import numpy as np
import onnxruntime
import pytest
import torch
from costs import ONNXRUNTIME
from lowering.networks import lively
from torch import nn
from torch.nn import functional

from micronet_edge.lowering import lower
from micronet_edge_onnx.format import TensorNames
from micronet_edge_onnx.write import float_model

MAP, SEQUENCE = (1, 6, 9, 10), (1, 5, 12)


class ScaledByChannel(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, padding=1)

    def forward(self, x):
        return self.conv(torch.relu(self.norm(x)))


class LogOfSoftmax(nn.Module):
    def __init__(self, *, gives_more=False):
        super().__init__()
        self.linear, self.gives_more = nn.Linear(12, 7), gives_more

    def forward(self, x):
        x = self.linear(x)
        if self.gives_more:
            centred = x - x.amax(-1, keepdim=True)
            return centred - centred.exp().sum(-1, keepdim=True).log(), centred
        return functional.log_softmax(x, -1)


class Rows(nn.Module):
    """Linear layers on three axes, with activations between them."""

    def __init__(self):
        super().__init__()
        self.mlp, self.head = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12)), nn.Linear(12, 3)

    def forward(self, x):
        return self.head(torch.tanh(x + self.mlp(x)))


CASES = {
    "scale and offset": (ScaledByChannel(), MAP, {"BatchNormalization": 1, "Mul": 0, "Add": 0}),
    "logarithm of softmax": (LogOfSoftmax(), SEQUENCE, {"LogSoftmax": 1, "ReduceMax": 0, "Exp": 0}),
    "read elsewhere": (LogOfSoftmax(gives_more=True), SEQUENCE, {"LogSoftmax": 0, "Exp": 1}),
    "repeated edges": (
        nn.Conv2d(6, 4, (3, 5), padding=(1, 2), padding_mode="replicate"),
        MAP,
        {"Pad": 1, "Slice": 0, "Concat": 0},
    ),
    "rows": (Rows(), SEQUENCE, {"Gemm": 3, "MatMul": 0, "Reshape": 4}),
    "pool that rounds up": (nn.MaxPool2d(3, 2, ceil_mode=True), MAP, {"MaxPool": 1, "Slice": 0, "Concat": 0}),
    "pool over the border": (nn.MaxPool2d(3, (2, 3), 1, ceil_mode=True), MAP, {"MaxPool": 1, "Pad": 0}),
    "one channel": (nn.Conv2d(1, 40, 3, padding=1), (1, 1, 9, 10), {"Conv": 1, "Gather": 0, "Concat": 0}),
    "wide groups": (nn.Conv2d(32, 32, 3, groups=2), (1, 32, 9, 10), {"Conv": 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_written_as_one(case):
    module, shape, expected = CASES[case]
    torch.manual_seed(0)
    probe, network = torch.randn(shape), lively(module)
    lowered = lower(network, ONNXRUNTIME, (probe,)).network
    with torch.no_grad():
        outputs = network(probe)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    model = float_model(lowered, 1, TensorNames(("x",), tuple(f"y{each}" for each in range(len(outputs)))))
    found = Counter(node.op_type for node in model.graph.node)
    assert {kind: found[kind] for kind in expected} == expected
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for ours, theirs in zip(session.run(None, {"x": probe.numpy()}), outputs, strict=True):
        assert np.abs(ours - theirs.numpy()).max() <= 1e-5 * max(1.0, float(theirs.abs().max()))


def test_wide_groups_stay_groups():
    network = lower(lively(nn.Conv2d(32, 32, 3, groups=2)), ONNXRUNTIME, (torch.randn(1, 32, 9, 10),)).network
    assert [layer.groups for layer in network.modules() if isinstance(layer, nn.Conv2d)] == [2]
