"""Networks that PyTorch has compiled."""

import pytest
import torch
from torch import nn

from micronet_edge.errors import NetworkError
from micronet_edge.models.factories import Factory
from micronet_edge.models.own_networks import prepared
from micronet_edge.models.source import read_source
from micronet_edge.settings import CheckpointSettings


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.ReLU()), nn.Conv2d(4, 2, 1))


@pytest.fixture
def no_compiler():
    """Whoever compiles fails."""

    def fail(*_):
        raise AssertionError("compiled")

    torch._dynamo.reset()
    return lambda module: torch.compile(module, backend=fail)


def parts(compile_):
    own = network()
    own[1][0] = compile_(own[1][0])
    own[1] = compile_(own[1])
    return own


def in_place(_):
    own = network()
    own.compile(backend=lambda *_: pytest.fail("compiled"))
    return own


@pytest.mark.parametrize(
    "made",
    [lambda c: c(network()), parts, in_place],
    ids=["whole", "parts", "in place"],
)
def test_what_is_inside_is_read_without_compiling(no_compiler, made):
    given = made(no_compiler)
    found = read_source(given, None, CheckpointSettings(input_shapes=((3, 9, 9),)))
    assert found.metadata.variant == "sequential"
    assert [*found.network.state_dict()] == [*network().state_dict()]
    x = torch.randn(2, 3, 9, 9)
    assert torch.equal(found.network(x), network()(x))


def test_a_compiled_network_of_a_factory_is_read_without_compiling(no_compiler):
    factory = Factory("own", "build", None, lambda: no_compiler(network()))
    found = prepared(factory).network
    assert torch.equal(found(torch.ones(1, 3, 9, 9)), network()(torch.ones(1, 3, 9, 9)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "compile_", [torch.jit.script, lambda each: torch.jit.trace(each, torch.ones(1, 3, 9, 9))]
)
def test_torchscript_is_refused(refusal, compile_):
    message = refusal(NetworkError, prepared, compile_(network()))
    assert message.endswith("Module is TorchScript: give the original module, before torch.jit")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_inside_is_refused(refusal):
    own = nn.Sequential(nn.ReLU(), torch.jit.script(nn.Tanh()))
    assert refusal(NetworkError, prepared, own) == (
        "Sequential: 1 is TorchScript: give the original module, before torch.jit"
    )
