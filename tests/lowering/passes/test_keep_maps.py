"""What stands between layers of one axis is computed on maps where that saves reshapes."""

import torch
from lowering.networks import assert_same, difference, lively, operators
from torch import nn
from torch.nn import functional

from micronet_edge.lowering import apply
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.keep_maps import KeepMaps
from micronet_edge.lowering.passes.merge_reshapes import MergeReshapes

PROBE = torch.randn(1, 4, 16, generator=torch.Generator().manual_seed(0))


class Between(nn.Module):
    """Layers of one axis, and all that may stand between them."""

    def __init__(self):
        super().__init__()
        self.first, self.match = nn.Conv1d(4, 6, 3, padding=1), nn.Conv1d(4, 6, 1)
        self.last = nn.Conv1d(12, 4, 3, padding=1, padding_mode="reflect")
        self.scale = nn.Parameter(torch.randn(6, 1))

    def forward(self, x):
        y = torch.relu(self.first(x)) * self.scale + self.match(x)
        y = torch.cat([y[:, :, 1:9], functional.pad(y, (0, 2))[:, :, ::2][:, :, :8]], dim=1)
        return self.last(y)


class Once(nn.Module):
    """A sequence that no layer of maps reads."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv1d(4, 6, 3), nn.Linear(14, 5)

    def forward(self, x):
        return self.linear(torch.relu(self.conv(x)))


BETWEEN = lively(Between())


def lowered(module, *passes):
    network = trace(lively(module), (PROBE,))
    for each in passes:
        network, applied = apply(each, network, PROBE)
    return network, applied.places


def test_only_the_ends_are_reshaped():
    network, _ = lowered(BETWEEN, Canonicalize(), KeepMaps(), MergeReshapes())
    names = operators(network)
    assert names.count("Reshape") == 2
    assert (names[0], names[-1]) == ("Reshape", "Reshape")
    once, places = lowered(BETWEEN, Canonicalize(), KeepMaps())
    assert places == 1
    again, applied = apply(KeepMaps(), once, PROBE)
    assert applied.places == 0
    assert_same(again, once)
    assert difference(BETWEEN, network, torch.randn(3, 4, 16)) <= 1e-5


def test_what_saves_no_reshape_stays():
    assert lowered(Once(), Canonicalize(), KeepMaps())[1] == 0
