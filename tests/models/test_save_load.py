"""Own networks are saved with their metadata and loaded again; code runs only where the caller names it."""

import json
import sys
from dataclasses import replace

import pytest
import torch
from cli.command import DIGITS, run
from own_pets import METADATA, pets, write_source
from safetensors import safe_open
from torch import nn

import micronet_edge
from micronet_edge import read_metadata
from micronet_edge.errors import CheckpointError, NetworkError, SettingsError
from micronet_edge.models import MicroNet, load_checkpoint, micronet_features, save_checkpoint
from micronet_edge.models.own_checkpoints import KEY
from micronet_edge.models.own_networks import state_sha256
from micronet_edge.models.source import read_source
from micronet_edge.settings import CheckpointSettings


@pytest.fixture
def mine(tmp_path):
    yield write_source(tmp_path)
    sys.modules.pop("_own_pets_net", None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pets.safetensors"


def same(one, other):
    theirs = other.state_dict()
    return one.state_dict().keys() == theirs.keys() and all(
        torch.equal(value, theirs[name]) for name, value in one.state_dict().items()
    )


# --- A replaced head


def test_a_micronet_with_another_head_is_saved_and_loaded(mine, path):
    network = pets()
    micronet_edge.save(network, path, METADATA, factory=f"{mine}:pets")
    found, metadata = micronet_edge.load(path, factory=f"{mine}:pets")
    assert same(found, network)
    assert not found.training
    assert metadata == replace(METADATA, checkpoint_sha256=state_sha256(network), tool=metadata.tool)


def test_without_a_factory_it_is_saved_and_needs_one_to_load(mine, path, refusal):
    network = pets()
    micronet_edge.save(network, path, METADATA)
    message = refusal(CheckpointError, micronet_edge.load, path)
    assert message == (
        f"{path} holds weights of a user's network and does not name the function that builds it: give "
        f"package.module:name or file.py:name with --weights {path}"
    )
    found, metadata = micronet_edge.load(path, factory=f"{mine}:pets")
    assert same(found, network)
    assert metadata.labels == METADATA.labels


def test_the_function_itself_names_its_module(path):
    network = pets()
    micronet_edge.save(network, path, METADATA, factory=pets)
    assert same(micronet_edge.load(path, factory=pets)[0], network)
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()[KEY])["factory"] == "own_pets:pets"


def test_the_old_way_of_saving_refuses_another_head(tmp_path, refusal):
    message = refusal(
        NetworkError,
        save_checkpoint,
        pets(),
        tmp_path / "old.safetensors",
        preprocessing=METADATA.preprocessing,
        labels=tuple(map(str, range(1000))),
    )
    assert message.startswith(
        "this network is no m0 of 1,000 classes: it lacks 12 tensors (classifier.hidden."
    )
    assert message.endswith("save it with micronet_edge.save and the function that builds it")
    assert not list(tmp_path.iterdir())


def test_a_whole_micronet_becomes_a_checkpoint_that_opens_by_its_path(path):
    network = MicroNet("m1", 3)
    micronet_edge.save(network, path, METADATA)
    assert load_checkpoint(path).labels == METADATA.labels
    found, metadata = micronet_edge.load(path)
    assert same(found, network)
    assert (metadata.variant, metadata.labels, metadata.preprocessing) == (
        *("m1", METADATA.labels, METADATA.preprocessing),
    )


def test_the_same_network_gives_the_same_bytes(mine, path, tmp_path):
    network = pets()
    for name in (path, tmp_path / "again.safetensors"):
        micronet_edge.save(network, name, METADATA, factory=f"{mine}:pets", arguments={"classes": 3})
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


# --- Arguments


def test_arguments_are_kept_and_used(mine, path):
    network = pets(5)
    metadata = replace(METADATA, labels=tuple("abcde"))
    arguments = {"classes": 5, "variant": "m0", "hidden": [1, 2.5, None, True, "relu"]}
    micronet_edge.save(network, path, metadata, factory=f"{mine}:pets", arguments=arguments)
    assert same(micronet_edge.load(path, factory=f"{mine}:pets")[0], network)


def test_arguments_go_to_no_other_function(mine, path, refusal):
    micronet_edge.save(pets(5), path, METADATA, factory=f"{mine}:pets", arguments={"classes": 5})
    message = refusal(NetworkError, micronet_edge.load, path, factory=f"{mine}:sized")
    assert message.endswith("needs arguments (width): name a function without arguments")


def test_a_file_that_was_moved_is_the_same_function(mine, path, tmp_path):
    micronet_edge.save(pets(5), path, METADATA, factory=f"{mine}:pets", arguments={"classes": 5})
    moved = tmp_path / "elsewhere" / mine.name
    moved.parent.mkdir()
    mine.rename(moved)
    assert micronet_edge.load(path, factory=f"{moved}:pets")[0].classifier[1].out_features == 5


@pytest.mark.parametrize(
    "value", ["/etc/passwd", "a b", "$(reboot)", "http://x", "x" * 65, 3 + 4j, {"a": 1}, b"x"]
)
def test_arguments_are_plain_values(path, value, refusal):
    message = refusal(
        SettingsError, micronet_edge.save, pets(), path, METADATA, factory=pets, arguments={"classes": value}
    )
    assert message.startswith("arguments classes: a checkpoint keeps numbers, words of letters, digits")
    assert not path.exists()


def test_arguments_need_a_factory(path, refusal):
    message = refusal(SettingsError, micronet_edge.save, pets(), path, METADATA, arguments={"classes": 3})
    assert message == "arguments are keyword arguments of a factory: give a dict, and the factory"


def test_a_backbone_without_labels_is_saved_and_loaded(path):
    arguments = {"variant": "m1", "out_indices": [0, 3], "in_channels": 1}
    network = micronet_features("m1", out_indices=[0, 3], in_channels=1)
    metadata = replace(METADATA, labels=())
    micronet_edge.save(
        network, path, metadata, factory="micronet_edge.models:micronet_features", arguments=arguments
    )
    found, read = micronet_edge.load(path, factory=micronet_features)
    assert same(found, network)
    assert (found.feature_info, read.labels) == (network.feature_info, ())


# --- Refused while saving, before a training is paid for


class Counted(nn.Module):
    def get_extra_state(self):
        return {"seen": 3}


def test_a_factory_of_another_network_is_refused(mine, path, refusal):
    message = refusal(NetworkError, micronet_edge.save, pets(4), path, METADATA, factory=f"{mine}:pets")
    assert "classifier.1.weight is [4, 384] there, [3, 384] in the network" in message
    assert message.endswith("name the function that builds this network")
    assert not path.exists()


def test_checking_draws_no_random_numbers_of_the_training(mine, path):
    network = pets()
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    micronet_edge.save(network, path, METADATA, factory=f"{mine}:pets")
    assert torch.equal(torch.randn(4), expected)


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("os:system", "factory 'os:system' is no function of yours: name one in your own module"),
        ("torch.hub:load", "factory 'torch.hub:load' is no function of yours"),
        ("no factory", "factory 'no factory': give package.module:name or file.py:name"),
        (Counted.get_extra_state, "give a function of a module, not a local one"),
    ],
)
def test_names_that_are_no_factory(path, factory, words, refusal):
    assert words in refusal(SettingsError, micronet_edge.save, pets(), path, METADATA, factory=factory)
    assert not path.exists()


def test_state_that_is_no_tensor_is_refused(path, refusal):
    message = refusal(SettingsError, micronet_edge.save, Counted(), path, METADATA)
    assert message == "Counted keeps _extra_state, which is no tensor: make it a buffer"


def test_tied_weights_are_saved(path):
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].weight = network[0].weight
    micronet_edge.save(network, path, METADATA)
    with safe_open(path, framework="pt") as file:
        assert torch.equal(file.get_tensor("1.weight"), network[0].weight)


def test_a_wrapped_network_is_saved_and_loads_unwrapped(mine, path):
    network = pets()
    micronet_edge.save(nn.DataParallel(network), path, METADATA, factory=f"{mine}:pets")
    assert same(micronet_edge.load(path, factory=f"{mine}:pets")[0], network)


# --- Read by the commands


def test_the_metadata_of_the_file_is_used(mine, path):
    micronet_edge.save(pets(), path, METADATA, factory=f"{mine}:pets")
    source = read_source(f"{mine}:pets", None, CheckpointSettings(weights=path))
    assert (source.metadata.labels, source.metadata.preprocessing) == (
        METADATA.labels,
        METADATA.preprocessing,
    )
    assert source.metadata.assumed == ("mean", "std")
    assert source.notes == ()
    assert source.checkpoint == path


def test_settings_replace_the_files_and_are_assumed_no_more(mine, path, tmp_path):
    micronet_edge.save(pets(), path, METADATA, factory=f"{mine}:pets", arguments={"classes": 3})
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    settings = CheckpointSettings(weights=path, mean=(0.5, 0.5, 0.5), labels=tmp_path / "names.txt")
    source = read_source(f"{mine}:pets", None, settings)
    assert source.metadata.labels == ("a", "b", "c")
    assert source.metadata.preprocessing == replace(METADATA.preprocessing, mean=(0.5, 0.5, 0.5))
    assert source.metadata.assumed == ("std",)
    assert source.notes == (
        f"built as {mine}:pets(classes=3), with the arguments in {path}",
        f"settings that replace those of {path}: mean 0.5 0.5 0.5 instead of mean 0.485 0.456 0.406",
    )


def test_assumed_labels_stay_assumed(mine, path):
    metadata = replace(METADATA, labels=("0", "1", "2"), assumed=("labels",))
    micronet_edge.save(pets(), path, metadata, factory=f"{mine}:pets")
    source = read_source(f"{mine}:pets", None, CheckpointSettings(weights=path))
    assert source.metadata.labels_assumed


def test_a_plain_state_dict_has_all_assumed_that_nobody_states(mine, tmp_path):
    torch.save(pets().state_dict(), tmp_path / "plain.pth")
    settings = CheckpointSettings(weights=tmp_path / "plain.pth", input_size=64, std=(0.2, 0.2, 0.2))
    source = read_source(f"{mine}:pets", None, settings)
    assert source.metadata.assumed == ("resize", "interpolation", "mean", "color_order", "labels")
    assert source.assumption is not None
    _, metadata = micronet_edge.load(tmp_path / "plain.pth", factory=f"{mine}:pets")
    assert metadata.assumed == ("size", "resize", "interpolation", "mean", "std", "color_order", "labels")


def test_the_command_exports_it_as_its_refusal_says(mine, path, monkeypatch):
    monkeypatch.chdir(mine.parent)
    micronet_edge.save(pets(), path, METADATA, factory=f"{mine.name}:pets", arguments={"classes": 3})
    folder = mine.parent
    advice = run("export", path.name, cwd=folder).refusal()
    given = advice.partition("give ")[2].partition(" instead")[0].split()
    assert given == ["pets_net.py:pets", "--weights", "pets.safetensors"]
    exported = run("export", *given, "--format", "onnx", "--output", "out", cwd=folder)
    assert exported.code == 0, exported.errors
    assert read_metadata(folder / "out" / "pets-float32.onnx").labels == METADATA.labels


def test_a_checkpoint_of_the_examples_loads_by_its_path():
    network, metadata = micronet_edge.load(DIGITS)
    assert isinstance(network, MicroNet)
    assert metadata.labels == tuple("0123456789")
