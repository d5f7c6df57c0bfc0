"""Functions that change their input are spelled as their pure forms, also where the input is read again."""

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional

from micronet_edge.lowering import lower
from micronet_edge.lowering.passes.canonicalize import Canonicalize


class _Behind(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.function = function

    def forward(self, x):
        return self.function(self.conv(x))


def _read_again(x):
    y = torch.relu_(x)
    return x - 2 * y


FUNCTIONS = {
    "torch": torch.relu_,
    "functional": functional.elu_,
    "by name": functional.hardtanh_,
    "method": lambda x: x.add_(1).mul_(2).clamp_(0, 3),
    "flag": lambda x: functional.relu(x, inplace=True),
    "read again": _read_again,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_computes_the_same(name):
    torch.manual_seed(0)
    network = _Behind(FUNCTIONS[name]).eval()
    images = torch.randn(3, 3, 8, 8)
    lowered = lower(network, (Canonicalize(),), 8).network
    torch.testing.assert_close(lowered(images), network(images), rtol=1e-5, atol=1e-6)


def test_a_layer_may_be_called_like_a_function():
    """`squeeze`, `item` and the like are names of layers as well."""
    network = nn.Sequential(OrderedDict(squeeze=nn.Conv2d(3, 4, 1), item=nn.ReLU(), numpy=nn.Conv2d(4, 2, 1)))
    images = torch.randn(2, 3, 8, 8)
    lowered = lower(network.eval(), (Canonicalize(),), 8).network
    torch.testing.assert_close(lowered(images), network(images), rtol=1e-5, atol=1e-6)
