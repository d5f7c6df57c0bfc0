"""The whole network: what it takes, what it refuses, and that it can be trained."""

import math

import pytest
import torch

from micronet_edge.errors import SettingsError
from micronet_edge.models import Features, MicroNet, check_input_size, find_variant

each_variant = pytest.mark.parametrize("variant", ["m0", "m1", "m2", "m3"])


@each_variant
@pytest.mark.parametrize("size", [32, 64, 96, 288])
def test_sizes_that_are_multiples_of_32_work(variant, size):
    network = MicroNet(variant, 3).eval()
    x = torch.randn(2, 3, size, size)
    with torch.no_grad():
        features, logits = network.features(x), network(x)
    assert check_input_size(size) == size
    assert features.shape == (2, network.classifier.hidden.linear.in_features, size // 32, size // 32)
    assert logits.shape == (2, 3)
    assert logits.isfinite().all()


@each_variant
@pytest.mark.parametrize("shape", [(100, 100), (31, 64), (16, 16), (1, 1)], ids=str)
def test_other_sizes_work_as_well(variant, shape):
    network = MicroNet(variant, 3).eval()
    with torch.no_grad():
        logits = network(torch.randn(2, 3, *shape))
    assert logits.shape == (2, 3)
    assert logits.isfinite().all()


@pytest.mark.parametrize("size", [0, -32])
def test_sizes_below_one_pixel_are_refused(refusal, size):
    message = refusal(SettingsError, check_input_size, size)
    assert message == f"input size {size} px: give 1 px or more"


@pytest.mark.parametrize("size", [4128, 2**31, 10**20])
def test_sizes_that_would_fill_the_memory_are_refused(refusal, size):
    message = refusal(SettingsError, check_input_size, size)
    assert message.startswith(f"input size {size} px: this tool takes at most 4096 px, since one image")


def test_classes_that_would_fill_the_memory_are_refused_before_anything_is_made(refusal):
    message = refusal(SettingsError, MicroNet, "m0", 10**12)
    assert message.startswith("1000000000000 classes: this tool takes at most 100,000, since the last layer")


@pytest.mark.parametrize("size", [0, 4097])
def test_the_network_refuses_images_of_other_sizes(refusal, size):
    message = refusal(SettingsError, MicroNet("m0", 3).eval(), torch.zeros(1, 3, size, size))
    assert f"input size {size} px" in message


@pytest.mark.parametrize("shape", [(1, 1, 32, 32), (1, 4, 32, 32), (3, 32, 32), (1, 3, 32)], ids=str)
def test_the_network_refuses_what_is_no_batch_of_images(refusal, shape):
    message = refusal(SettingsError, MicroNet("m0", 3).eval(), torch.zeros(shape))
    assert message == f"a MicroNet takes images of three channels, [n, 3, height, width], not {list(shape)}"


def test_images_given_by_keyword_are_checked_alike(refusal):
    network = MicroNet("m0", 3).eval()
    x = torch.randn(1, 3, 32, 32)
    assert torch.equal(network(x=x), network(x))
    assert "input size 0 px" in refusal(SettingsError, network, x=torch.zeros(1, 3, 0, 32))


def test_unknown_variants_and_networks_without_classes_are_refused(refusal):
    unknown = "unknown variant 'm4': choose one of m0, m1, m2, m3"
    assert refusal(SettingsError, find_variant, "m4") == unknown
    assert refusal(SettingsError, MicroNet, "m4") == unknown
    assert (
        refusal(SettingsError, MicroNet, "m0", 0)
        == "a network needs at least one class, not 0: give 1 or more"
    )


@each_variant
def test_features_are_the_backbone_of_the_network(variant):
    network = MicroNet(variant, 3).eval()
    backbone = Features(find_variant(variant)).eval()
    backbone.load_state_dict(network.features.state_dict())
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(backbone(x), network.features(x))


@each_variant
def test_weights_are_drawn_as_the_authors_draw_them(variant):
    torch.manual_seed(0)
    network = MicroNet(variant, 10)
    hidden = network.classifier.hidden.linear
    conv = network.features[-1].expand.conv
    assert hidden.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / conv.out_channels), rel=0.05)
    assert not hidden.bias.any()


@each_variant
def test_training_reaches_every_parameter(variant):
    torch.manual_seed(0)
    network = MicroNet(variant, 3).train()
    network(torch.randn(4, 3, 64, 64)).square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    missing = [name for name, gradient in gradients.items() if gradient is None]
    assert missing == []
    assert all(gradient.isfinite().all() for gradient in gradients.values())
