"""A watched network shows every tensor once, in order, and gives its own result."""

import torch
from quantization.networks import images, traced
from torch import nn

from micronet_edge.lowering.ir.watch import Watched


def test_every_tensor_is_shown_in_order():
    network = traced(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Flatten(1))
    seen = []
    result = Watched(network, lambda node, value: seen.append((node, value)))(images())
    nodes = [node for node in network.graph.nodes if node.op != "output"]
    assert [node for node, _ in seen] == nodes
    assert torch.equal(seen[0][1], images())
    with torch.no_grad():
        assert torch.equal(result, network(images()))
    assert torch.equal(seen[-1][1], result)
    assert not result.requires_grad
