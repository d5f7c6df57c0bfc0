"""Normalizations along the last axes become one layer; others stay as they are."""

import pytest
import torch
from torch import nn

from micronet_edge.lowering.ir.graph import calls
from micronet_edge.lowering.ir.pass_base import apply
from micronet_edge.lowering.ir.primitives import (
    AddConstant,
    Mean,
    Multiply,
    MultiplyConstant,
    ReciprocalSquareRoot,
    Subtract,
)
from micronet_edge.lowering.ir.trace import trace
from micronet_edge_onnx.format import TensorNames
from micronet_edge_onnx.passes.fuse_normalization import FuseNormalization
from micronet_edge_onnx.write import float_model


class Norm(nn.Module):
    """A normalization in primitives."""

    def __init__(self, axes, *affine, reads_twice=False):
        super().__init__()
        self.mean, self.subtract, self.square = Mean(axes, keeps_axes=True), Subtract(), Multiply()
        self.squares, self.small = Mean(axes, keeps_axes=True), AddConstant(torch.tensor(1e-3))
        self.root, self.product = ReciprocalSquareRoot(), Multiply()
        self.affine, self.reads_twice = nn.Sequential(*affine), reads_twice

    def forward(self, x):
        c = self.subtract(x, self.mean(x))
        y = self.affine(self.product(c, self.root(self.small(self.squares(self.square(c, c))))))
        return (y, c) if self.reads_twice else y


def constants(*shape):
    torch.manual_seed(1)
    return MultiplyConstant(torch.randn(shape)), AddConstant(torch.randn(shape))


SEQUENCE, MAP = (1, 5, 12), (1, 4, 6, 7)
FUSED = {
    "sequence": (Norm((2,), *constants(12)), SEQUENCE, 0),
    "plain": (Norm((-1,)), SEQUENCE, 0),
    "offset": (Norm((2,), constants(1, 1, 12)[1]), SEQUENCE, 0),
    "two axes": (Norm((1, 2), *constants(5, 12)), SEQUENCE, 0),
    "by channel": (Norm((2, 3), *constants(4, 1, 1)), MAP, 2),
}
KEPT = {
    "channels": (Norm((1,), *constants(4, 1, 1)), MAP),
    "read elsewhere": (Norm((2,), reads_twice=True), SEQUENCE),
}


@pytest.mark.parametrize("case", FUSED)
def test_it_becomes_one_layer(case):
    module, shape, behind = FUSED[case]
    torch.manual_seed(0)
    probe = torch.randn(shape)
    network = trace(module, (probe,))
    once, applied = apply(FuseNormalization(), network, probe)
    assert applied.places == 1
    layers = [node for node in once.graph.nodes if node.op == "call_module"]
    assert len(list(calls(once, nn.LayerNorm))) == len(layers) - behind == 1
    assert apply(FuseNormalization(), once, probe)[1].places == 0
    model = float_model(once, 1, TensorNames(("x",), ("y",)))
    assert model.graph.node[0].op_type == "LayerNormalization"


@pytest.mark.parametrize("case", KEPT)
def test_others_stay(case):
    module, shape = KEPT[case]
    probe = torch.randn(shape)
    assert apply(FuseNormalization(), trace(module, (probe,)), probe)[1].places == 0
