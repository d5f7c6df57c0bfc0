"""Of reshapes in a row and of equal ones, one is left."""

import torch
from lowering.networks import assert_same, operators
from torch import nn

from micronet_edge.lowering import apply
from micronet_edge.lowering.ir.primitives import Add, Reshape
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.lowering.passes.merge_reshapes import MergeReshapes

PROBE = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(0))


class Twins(nn.Module):
    """Two reshapes of one tensor to one shape."""

    def __init__(self):
        super().__init__()
        self.one, self.other, self.add = Reshape((-1, 24)), Reshape((-1, 24)), Add()

    def forward(self, x):
        return self.add(self.one(x), self.other(x))


def merged(*layers):
    network = trace(layers[0] if len(layers) == 1 else nn.Sequential(*layers), (PROBE,))
    once, _ = apply(MergeReshapes(), network, PROBE)
    twice, applied = apply(MergeReshapes(), once, PROBE)
    assert applied.places == 0
    assert_same(twice, once)
    return operators(once)


def test_of_a_row_the_last_is_left():
    assert merged(Reshape((-1, 2, 12)), Reshape((-1, 24)), nn.ReLU()) == ["Reshape", "ReLU"]
    assert merged(Reshape((-1, 2, 12)), nn.Flatten(1), nn.ReLU()) == ["Flatten", "ReLU"]


def test_a_way_and_back_is_gone():
    assert merged(nn.ReLU(), Reshape((-1, 2, 12)), Reshape((-1, 4, 6)), nn.Tanh()) == ["ReLU", "Tanh"]


def test_twins_are_one():
    assert merged(Twins()) == ["Reshape", "Add"]


def test_a_reshape_of_samples_into_rows_and_back_is_kept():
    layers = Reshape((-1, 6)), nn.Linear(6, 3), Reshape((-1, 4, 3))
    assert merged(*layers) == ["Reshape", "Linear", "Reshape"]
