"""Sums of blocks, and flattened maps, have names of their own: ranges and files know tensors by them."""

import torch
from torch import nn

from micronet_edge.lowering import lower
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.ir.graph import calls
from micronet_edge.lowering.ir.primitives import Add
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.decompose import Decompose


class _Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)


def test_sums_of_one_stage_have_names_of_their_own():
    stage = nn.Sequential(nn.Sequential(_Block(), _Block()), nn.Sequential(_Block()))
    network = lower(stage, (Canonicalize(), Decompose(INTEGER_COSTS)), 8).network
    names = [str(node.target) for node, _ in calls(network, Add)]
    assert len(set(names)) == len(names) == 3


class _Flattened(nn.Module):
    def forward(self, x):
        first = torch.flatten(x, 1).softmax(-1)
        return torch.flatten(first * first, 1).flatten(1)


def test_flattened_maps_have_readable_names_of_their_own():
    network = lower(_Flattened(), (Canonicalize(), Decompose(INTEGER_COSTS)), 8).network
    names = [str(node.target) for node, _ in calls(network, nn.Flatten)]
    assert names == ["flatten", "flatten#2", "flatten#3"]
