"""MicroNet as a backbone: its maps are the classifier's own, at any size and for any number of channels."""

import pytest
import torch
from cli.command import DIGITS
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from micronet_edge.errors import CheckpointError, SettingsError
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.models import FAMILY, MicroNet, load_checkpoint, micronet_features
from micronet_edge.models.authors_names import authors_names

each_variant = pytest.mark.parametrize("variant", list(FAMILY))


def maps_inside(network, names, x):
    """What layers of a classifier give while it answers."""
    found = {}
    hooks = [
        network.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: found.__setitem__(name, output)
        )
        for name in names
    ]
    with torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    return [found[name] for name in names]


@each_variant
def test_the_maps_are_those_inside_the_classifier_to_the_bit(variant, tmp_path):
    torch.manual_seed(0)
    network = MicroNet(variant, 7).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    torch.save(network.state_dict(), tmp_path / "net.pth")
    backbone = micronet_features(variant, checkpoint=tmp_path / "net.pth").eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        found = backbone(x)
    expected = maps_inside(network, [each.module for each in backbone.feature_info], x)
    assert len(found) == 5
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert [each.reduction for each in backbone.feature_info] == [2, 4, 8, 16, 32]
    assert [each.shape[1] for each in found] == [each.channels for each in backbone.feature_info]
    assert [64 // each.shape[2] for each in found] == [each.reduction for each in backbone.feature_info]


def test_each_map_is_the_last_of_its_stride():
    network = micronet_features("m3")
    modules = [each.module.rpartition(".")[2] for each in network.feature_info]
    assert modules == ["stem", "block1", "block3", "block8", "block12"]


def test_layers_behind_the_last_map_are_not_built():
    network = micronet_features("m0", out_indices=(3, 0))
    assert [each.reduction for each in network.feature_info] == [16, 2]
    assert [name for name, _ in network.features.named_children()] == [
        *("stem", "block1", "block2", "block3", "block4"),
    ]
    fine, coarse = network.eval()(torch.randn(1, 3, 32, 32))[::-1]
    assert (fine.shape, coarse.shape) == ((1, 4, 16, 16), (1, 32, 2, 2))


def test_an_index_counts_from_the_end_as_well():
    assert micronet_features("m1", out_indices=[-1]).feature_info == micronet_features("m1").feature_info[4:]


@given(st.integers(1, 80), st.integers(1, 80), st.integers(1, 5))
@settings(max_examples=20)
def test_any_size_and_any_number_of_channels(height, width, channels):
    network = micronet_features("m0", in_channels=channels).eval()
    with torch.no_grad():
        found = network(torch.randn(2, channels, height, width))
    for each, info in zip(found, network.feature_info, strict=True):
        rounded_up = (-(-height // info.reduction), -(-width // info.reduction))
        assert each.shape == (2, info.channels, *rounded_up)


def test_it_traces_into_the_classifiers_layers():
    network = micronet_features("m0", out_indices=(2, 4))
    graph = trace(network, 64)
    classifier = trace(MicroNet("m0", 3), 64)

    def layers(traced):
        return [node.target for node in traced.graph.nodes if node.op == "call_module"]

    found = layers(graph)
    assert found == layers(classifier)[: len(found)]
    (end,) = (node for node in graph.graph.nodes if node.op == "output")
    assert len(end.args[0]) == 2
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert all(torch.equal(one, two) for one, two in zip(graph(x), network.eval()(x), strict=True))


def test_training_takes_the_form_of_the_classifier():
    torch.manual_seed(0)
    network = micronet_features("m0", out_indices=(1, 4)).train()
    plain = micronet_features("m0", out_indices=(1, 4)).train()
    plain.load_state_dict(network.state_dict())
    x = torch.randn(4, 3, 64, 64)
    found = network(x)
    with torch.no_grad():
        expected = plain(x)
    assert all(torch.allclose(one, two, atol=1e-5) for one, two in zip(found, expected, strict=True))
    sum(each.square().mean() for each in found).backward()
    assert all(each.grad is not None for each in network.parameters())


# --- Weights


def test_the_authors_files_load(tmp_path):
    trained = load_checkpoint(DIGITS).network
    theirs = {ours: name for name, ours in authors_names("m0").items()}
    state = {theirs[name]: value for name, value in trained.state_dict().items()}
    torch.save(
        {"state_dict": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "m0.pth"
    )
    backbone = micronet_features("m0", checkpoint=tmp_path / "m0.pth")
    for name, value in backbone.features.state_dict().items():
        assert torch.equal(value, trained.features.state_dict()[name])


def test_a_backbone_loads_from_another_networks_checkpoint(tmp_path):
    backbone = micronet_features("m0", checkpoint=DIGITS)
    network = nn.ModuleDict({"backbone": backbone, "head": nn.Conv2d(384, 2, 1)})
    torch.save(network.state_dict(), tmp_path / "net.pth")
    again = micronet_features("m0", out_indices=(1,), checkpoint=tmp_path / "net.pth")
    state = backbone.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in again.state_dict().items())


def test_grey_images_give_what_they_give_in_colour():
    color = micronet_features("m0", checkpoint=DIGITS).eval()
    gray = micronet_features("m0", in_channels=1, checkpoint=DIGITS).eval()
    x = torch.randn(1, 1, 48, 48)
    with torch.no_grad():
        for one, other in zip(gray(x), color(x.expand(1, 3, 48, 48)), strict=True):
            torch.testing.assert_close(one, other)


def test_more_channels_keep_the_size_of_the_signal():
    color, six = (micronet_features("m0", in_channels=n, checkpoint=DIGITS).eval() for n in (3, 6))
    x = torch.randn(1, 3, 48, 48)
    with torch.no_grad():
        torch.testing.assert_close(six(torch.cat([x, x], 1))[0], color(x)[0])


def test_the_batch_norm_counters_may_be_missing(tmp_path):
    state = load_checkpoint(DIGITS).network.state_dict()
    torch.save({name: v for name, v in state.items() if "num_batches" not in name}, tmp_path / "old.pth")
    assert micronet_features("m0", checkpoint=tmp_path / "old.pth")


def test_what_does_not_fit_is_refused(refusal, tmp_path):
    message = refusal(CheckpointError, micronet_features, "m1", checkpoint=DIGITS)
    assert message.startswith(f"{DIGITS} does not fit the backbone: ")
    assert message.endswith("give a checkpoint of the same variant")
    state = load_checkpoint(DIGITS).network.state_dict()
    state["features.block2.project.norm.bias"].fill_(torch.nan)
    torch.save(state, tmp_path / "nan.pth")
    message = refusal(CheckpointError, micronet_features, "m0", checkpoint=tmp_path / "nan.pth")
    assert "tensor features.block2.project.norm.bias holds NaN or infinity" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"out_indices": (5,)},
            "out_indices of m0: no map 5: give some of 0, 1, 2, 3, 4, for strides 2 to 32",
        ),
        ({"out_indices": ()}, "out_indices of m0: no maps given: give some of"),
        ({"out_indices": (4, -1)}, "out_indices (4, -1) repeat a map: give each once"),
        ({"in_channels": 0}, "a network needs at least one input channel, not 0: give 1 or more"),
    ],
)
def test_settings_that_cannot_be(refusal, arguments, words):
    assert words in refusal(SettingsError, micronet_features, "m0", **arguments)
