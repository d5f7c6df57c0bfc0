"""A softmax behind a network, whatever its layers are called."""

import pytest
import torch
from torch import nn

from micronet_edge.models.scores import with_softmax


@pytest.mark.parametrize("taken", [(), ("scores",), ("scores", "_scores", "softmax", "probabilities")])
def test_a_network_whose_layers_have_such_names_gives_probabilities(taken):
    network = nn.Sequential(nn.Linear(4, 3))
    for name in taken:
        network.register_buffer(name, torch.zeros(1))
    x = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    giving = with_softmax(network)
    assert torch.equal(giving(x), network(x).softmax(1))
    assert [name for name, _ in network.named_children()] == ["0"]
