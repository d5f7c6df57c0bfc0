"""What is computed of constants alone is a constant, also where it takes type or shape of a tensor."""

import pytest
import torch
from lowering.vocabulary.spelled import Calls, assert_spelled
from torch import nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import lower
from micronet_edge.lowering.passes.canonicalize import Canonicalize

ROW = torch.linspace(-1, 1, 8, dtype=torch.float64)

FUNCTIONS = {
    "of the type of a tensor": lambda x: x + torch.ones(8).type_as(x),
    "coordinates": lambda x: torch.cat([x, ROW.expand(len(x), 1, 6, 8).type_as(x)], 1),
    "of the type of a tensor, by to": lambda x: x * ROW.float().to(x),
    "of the shape of a tensor": lambda x: x + ROW.expand_as(x) * ROW.repeat(24 * len(x)).view_as(x),
    "a mask of new ones": lambda x: torch.where(x.new_ones(1).bool(), x, -x),
    "of new zeros": lambda x: x * (torch.zeros_like(x[:, :1]) + 1).exp().cumsum(-1),
    "written into": lambda x: x * (ones := x.new_ones(8)).mul_(3) + ones,
    "of another type": lambda x: x.masked_fill(~x.new_zeros(8, dtype=torch.bool), 2.0) + x,
    "new tensors": lambda x: x.clamp(max=x.new_tensor(0.2)) + x.new_full((8,), fill_value=3),
    "by layers": lambda x: x + nn.Sigmoid()(x.new_full((8,), 0.25)).sort()[0],
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_constants_fold(function):
    assert_spelled(Calls(function), (4, 6, 8))


def test_the_number_of_samples_is_no_constant(refusal):
    network = Calls(lambda x: x * x.new_ones(len(x), 8).sum(0))
    message = refusal(LoweringError, lower, network, (Canonicalize(),), torch.randn(1, 4, 6, 8))
    assert "sum (test_folded_constants.py:" in message
    assert "it depends on the number of samples" in message


def test_a_constant_among_the_outputs_is_named(refusal):
    network = Calls(lambda x: {"maps": x, "anchors": x.new_ones(len(x), 3) * 2})
    message = refusal(LoweringError, lower, network, (Canonicalize(),), torch.randn(1, 4, 6, 8))
    assert message == (
        "Canonicalize: output 2 of 2 (anchors) depends on no input: leave it out of what forward returns, "
        "or choose the others with --outputs"
    )
