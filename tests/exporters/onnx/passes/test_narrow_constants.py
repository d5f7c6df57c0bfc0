"""A constant that is alike in every column is one column."""

import pytest
import torch
from lowering.networks import assert_once_is_enough, assert_untouched, layer, rewritten, traced
from torch import nn

from micronet_edge.lowering.ir.primitives import AddConstant, MultiplyConstant
from micronet_edge_onnx.passes.narrow_constants import NarrowConstants

NARROW = NarrowConstants()


@pytest.mark.parametrize("kind", [AddConstant, MultiplyConstant])
@pytest.mark.parametrize("height", [1, 8])
def test_it_is_stored_once(kind, height):
    column = torch.randn(1, 3, height, 1, generator=torch.Generator().manual_seed(0))
    network, applied = rewritten(NARROW, traced(kind(column.repeat(1, 1, 1, 8)), nn.ReLU()))
    assert applied.places == 1
    torch.testing.assert_close(layer(network, kind).constant, column, rtol=0, atol=0)
    assert_once_is_enough(NARROW, network)


@pytest.mark.parametrize("shape", [(1, 3, 1, 8), (1, 3, 1, 1), (8,), (1, 8)], ids=str)
def test_others_stay(shape):
    constant = torch.linspace(-1, 1, torch.Size(shape).numel()).view(shape)
    assert_untouched(NARROW, traced(AddConstant(constant), nn.ReLU()))
