"""Tracing: shapes are numbers, numbers in tensors are not, and samples stay apart."""

import pytest
import torch
from lowering.networks import operators
from torch import nn
from torch.nn.utils import prune

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.flat_outputs import names_of_results
from micronet_edge.lowering.ir.graph import batch_axis, inputs, results, shape_of
from micronet_edge.lowering.ir.trace import trace


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


class Named(nn.Module):
    def forward(self, image, prior, scale=2.0):
        return {"boxes": image * scale, "scores": (prior + 1, [prior - 1])}


def test_inputs_and_outputs_are_in_order_and_have_names():
    network = trace(Named(), (torch.randn(1, 3, 4, 5), torch.randn(1, 7)))
    assert [node.name for node in inputs(network)] == ["image", "prior"]
    assert [shape_of(node) for node in results(network)] == [(1, 3, 4, 5), (1, 7), (1, 7)]
    assert names_of_results(network) == ("boxes", "scores/0", "scores/1/0")
    image, prior = torch.randn(3, 3, 4, 5), torch.randn(3, 7)
    found = network(image, prior)
    assert all(map(torch.equal, found, (image * 2, prior + 1, prior - 1)))


@pytest.mark.parametrize("count", [1, 4])
def test_the_wrong_number_of_inputs_is_refused(refusal, count):
    message = refusal(LoweringError, trace, Named(), (torch.zeros(1, 2),) * count)
    assert (
        message
        == f"Named cannot be traced: forward takes 2 inputs (image, prior, scale), but {count} are given"
    )


def test_an_example_is_one_sample(refusal):
    message = refusal(LoweringError, trace, Named(), (torch.zeros(2, 2), torch.zeros(1, 2)))
    assert message == "an example of an input must be [1, ...], not [2, 2]"


def test_the_axis_of_samples_is_known():
    network = trace(
        Calls(lambda x: x.transpose(0, 2).relu().transpose(0, 2).reshape(-1, 5).tanh().view(-1, 4, 5)),
        (torch.zeros(1, 4, 5),),
    )
    axes = {node.name: (batch_axis(node), shape_of(node)) for node in network.graph.nodes}
    assert axes["relu"] == (2, (5, 4, 1))
    assert axes["tanh"] == (0, (4, 5))


def test_shapes_are_numbers():
    def forward(x):
        n, c, h, w = x.shape
        assert (c, h, w) == (3, 8, 8)
        assert x.dtype is torch.float32
        assert x.size(1) == 3
        assert x.numel() == n * 192
        return x.reshape(n, -1) if x.dim() == len(x.size()) else None

    assert operators(trace(Calls(forward), 8)) == ["reshape"]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x.mean(), "is an output whose first axis is not that of the samples"),
        (lambda x: x.flatten(), "is an output whose first axis is not that of the samples"),
        (lambda x: torch.cat([x, x]), "is an output whose first axis is not that of the samples"),
        (lambda x: x.flatten(1) @ x.flatten(1).T, "mixes samples"),
        (lambda x: x.view(1, -1), "is an output whose first axis is not that of the samples"),
        (lambda x: nn.functional.pad(x, (0, 0, 0, 0, 0, 0, 0, 1)), "adds to the samples' axis"),
        (
            lambda x: x @ torch.randn(5, 5),
            "the network does not take inputs of shape [1, 3, 8, 8]: mat1 and mat2",
        ),
        (
            lambda x: x.view(1, 3, 8, 8),
            "the network takes one sample alone, not several: shape '[1, 3, 8, 8]'",
        ),
        (
            lambda x: nn.functional.group_norm(x.mean((1, 2, 3)).unsqueeze(1), 1),
            "the network does not take inputs of shape [1, 3, 8, 8]: Expected more than 1 value",
        ),
        (lambda x: torch.arange(len(x))[:, None] + x[:, 0, 0], "differs between samples"),
        (lambda _: torch.zeros(1, 2), "the output depends on no input: return what"),
        (lambda x: [x, torch.zeros(1, 2)], "output 2 of 2 depends on no input: leave it out"),
        (lambda x: {"a": x, "b": (torch.ones(1),)}, "output 2 of 2 (b/0) depends on no input"),
        (lambda x: x.__setitem__(0, 1), "forward assigns to a part of a tensor at test_trace.py:"),
        (lambda x: [x[:, 0].add_(1), x * 2], "in place through a part of it, read at test_trace.py:"),
    ],
)
def test_what_mixes_samples_or_writes_into_parts_is_refused(refusal, function, reason):
    assert reason in refusal(LoweringError, trace, Calls(function), 8)


def test_what_changes_a_tensor_in_place_is_read_afterwards():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.ReLU(inplace=True)

        def forward(self, x):
            y = x * 2
            self.act(y)
            y += 1
            return y

    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(trace(InPlace(), 8)(x), (x * 2).relu() + 1)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_traced_network_shares_nothing_with_the_given_one():
    network = nn.Sequential(nn.utils.weight_norm(nn.Conv2d(3, 2, 1)))
    traced = trace(network, 8)
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(traced(x), network(x))
    assert hasattr(network[0], "weight_g")


def _doubled(_, __, result):
    return result * 2


@pytest.mark.parametrize(("place", "name"), [("", "Sequential"), ("1.0", "ReLU 1.0")])
@pytest.mark.parametrize("before", [True, False])
def test_hooks_that_a_graph_would_leave_out_are_refused(refusal, place, name, before):
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Sequential(nn.ReLU()))
    hooked = network.get_submodule(place)
    if before:
        hooked.register_forward_pre_hook(lambda _, given: given)
    else:
        hooked.register_forward_hook(_doubled)
    message = refusal(LoweringError, trace, network, 8)
    assert message == (f"{name} has a forward hook: put what it does into forward")


def test_hooks_of_modules_that_are_traced_into_are_traced():
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 2, 1)), nn.ReLU())
    network[0].register_forward_hook(_doubled)
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(trace(network, 8)(x), network(x))


def test_pruned_weights_are_plain_ones():
    network = nn.Sequential(nn.Conv2d(3, 4, 1))
    prune.l1_unstructured(network[0], "weight", amount=5)
    prune.random_unstructured(network[0], "weight", amount=2)
    traced = trace(network, 8)
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(traced(x), network(x))
    assert [name for name, _ in traced.named_parameters()] == ["0.bias", "0.weight"]
