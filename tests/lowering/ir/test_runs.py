"""What a graph cannot give again is said so: random numbers, state, numbers that are none."""

import itertools
import random

import pytest
import torch
from torch import nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import lower
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.fold_constants import FoldConstants


class Computes(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.linear, self.function = nn.Linear(4, 4), function

    def forward(self, x):
        return self.function(self.linear(x))


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("runs", torch.zeros(1))

    def forward(self, x):
        self.runs += 1
        return x * self.runs


COUNT = itertools.count()
CHANGING = {
    "random numbers": Computes(lambda x: x + torch.randn(4)),
    "random number": Computes(lambda x: x * random.random()),  # noqa: S311 - no secret
    "state": Counting(),
    "state in Python": Computes(lambda x: x * next(COUNT)),
}
NOT_FINITE = {
    "NaN": Computes(lambda x: (x * 0) / (x * 0)),
    "infinity": Computes(lambda x: x / torch.tensor([0.0, 1, 1, 1])),
}


@pytest.mark.parametrize("network", CHANGING.values(), ids=CHANGING)
def test_what_differs_from_run_to_run_is_no_dependence_on_samples(refusal, network):
    message = refusal(LoweringError, lower, network, (Canonicalize(),), torch.randn(1, 4))
    assert message.startswith("two runs on the same input differ: ")


@pytest.mark.parametrize("network", NOT_FINITE.values(), ids=NOT_FINITE)
def test_numbers_that_are_none_are_named(refusal, network):
    message = refusal(LoweringError, lower, network, (Canonicalize(), FoldConstants()), torch.randn(1, 4))
    assert message.startswith("the network outputs NaN or infinity on these samples: ")


def test_a_network_that_repeats_keeps_its_own_reason(refusal):
    network = Computes(lambda x: x / x.shape[0])
    message = refusal(LoweringError, lower, network, (Canonicalize(),), torch.randn(1, 4))
    assert "depends on the number of samples" in message
