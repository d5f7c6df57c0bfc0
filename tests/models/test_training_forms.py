"""The networks' training forms: the gradients of the plain layers, from fewer maps."""

import copy

import pytest
import torch
from torch import Tensor, nn

from micronet_edge.models import ChannelShuffle, FactorizedStem, MicroNet
from micronet_edge.models import gradient_wanted as asked
from micronet_edge.models.norm_function import batch_norm
from micronet_edge.models.training_functions import channel_shuffle, spatial_mean

# In float64 only orders of summation differ; gradients before a batch norm are differences of larger sums.
TOLERANCE = 1e-9
# Batch norm in float32, relative to the largest figure: a few roundings.
NORM_TOLERANCE = 1e-6
# A stem in float32 against float64, relative to the largest figure: two batch norms and two convolutions.
STEM_TOLERANCE = 2e-5


def close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    expected = expected.detach()
    allowed = tolerance * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(found.detach().double(), expected.double(), rtol=0, atol=allowed)


def trained(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The output, the gradients and the running statistics after one step forward and back."""
    network = copy.deepcopy(network).train()
    y = network(images)
    (y * torch.arange(y.numel()).view(y.shape).sin()).sum().backward()
    gradients = {name: each.grad for name, each in network.named_parameters()}
    return {"y": y.detach(), **gradients, **dict(network.named_buffers())}


@pytest.fixture
def plain(monkeypatch):
    """Makes every layer take its plain form."""

    def run(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
        with monkeypatch.context() as patch:
            patch.setattr(torch.jit, "is_tracing", lambda: True)
            assert not asked.gradient_wanted(torch.zeros(1, requires_grad=True))
            return trained(network, images)

    return run


@pytest.mark.parametrize("variant", ["m0", "m1", "m2", "m3"])
def test_a_step_of_a_network_is_that_of_the_plain_layers(plain, variant):
    torch.manual_seed(0)
    network = MicroNet(variant, num_classes=5).double()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    images = torch.randn(4, 3, 64, 64, dtype=torch.float64)
    found, expected = trained(network, images), plain(network, images)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        close(found[name], value, TOLERANCE)


@pytest.mark.parametrize("groups", [(2, 2), (3, 2), (4, 3)])
def test_a_step_of_a_stem_is_that_of_the_plain_layers(plain, groups):
    torch.manual_seed(0)
    stem = FactorizedStem(3, groups)
    images = torch.randn(2, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    found, expected = trained(stem, images), plain(stem.double(), images.double())
    for name, value in expected.items():
        close(found[name], value, STEM_TOLERANCE)


@pytest.mark.parametrize("channels", [1, 3, 6, 7])
@pytest.mark.parametrize("size", [(1, 5), (8, 16), (33, 17)])
def test_batch_norm_of_few_channels(channels, size):
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(channels)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    reference = copy.deepcopy(norm).double()
    x = torch.randn(4, channels, *size) + 3
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    dy, precise = torch.randn(x.shape), x.detach().double().requires_grad_()
    y, expected = batch_norm(x, norm), reference(precise)
    close(y, expected, NORM_TOLERANCE)
    for found, wanted in zip(
        torch.autograd.grad(y, (x, *norm.parameters()), dy),
        torch.autograd.grad(expected, (precise, *reference.parameters()), dy.double()),
        strict=True,
    ):
        close(found, wanted, 10 * NORM_TOLERANCE)
    for found, wanted in zip(norm.buffers(), reference.buffers(), strict=True):
        close(found, wanted, NORM_TOLERANCE)


def test_hooks_and_frozen_weights_are_respected():
    torch.manual_seed(0)
    network, seen = MicroNet("m0", num_classes=2).train(), []
    network.features.stem.vertical_norm.register_forward_hook(lambda *_: seen.append("norm"))
    network.features.stem.activation.register_forward_hook(lambda *_: seen.append("activation"))
    for norm in (each for each in network.modules() if isinstance(each, nn.BatchNorm2d)):
        norm.bias.requires_grad = False
    network(torch.randn(2, 3, 32, 32)).sum().backward()
    assert seen == ["norm", "activation"]
    assert network.features.stem.vertical.weight.grad.isfinite().all()


def test_small_functions_are_what_they_replace():
    x = torch.randn(2, 12, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.equal(spatial_mean(x), nn.functional.adaptive_avg_pool2d(x, 1))
    with torch.no_grad():
        expected = ChannelShuffle(3)(x)
    assert torch.equal(channel_shuffle(x, 3), expected)
    assert torch.autograd.gradcheck(spatial_mean, x)
    assert torch.autograd.gradcheck(lambda each: channel_shuffle(each, 3), x)


def test_inference_keeps_its_bits_where_gradients_are_recorded():
    network = MicroNet("m0", num_classes=3).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = network(images)
    assert torch.equal(network(images), expected)


def test_images_changed_before_the_gradients_are_refused():
    network, images = MicroNet("m0", num_classes=2).train(), torch.randn(2, 3, 32, 32)
    loss = network(images).sum()
    images.zero_()
    with pytest.raises(RuntimeError, match="changed in place between forward and backward"):
        loss.backward()


@pytest.mark.parametrize("momentum", [None, 0.0, 0.3])
def test_running_statistics_follow_the_momentum(momentum):
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3, momentum=momentum)
    reference = copy.deepcopy(norm)
    for _ in range(3):
        x = torch.randn(2, 3, 4, 6).contiguous(memory_format=torch.channels_last)
        batch_norm(x, norm)
        reference(x)
    for found, wanted in zip(norm.buffers(), reference.buffers(), strict=True):
        close(found, wanted, NORM_TOLERANCE)
