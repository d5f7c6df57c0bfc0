"""A recipe is read back as it was written, or refused in one line."""

import json
from dataclasses import replace

import pytest
import torch
from quantization.networks import images, quantized, traced
from safetensors.torch import save_file
from torch import nn

from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.quantization.quantize_network import (
    calibrated_recipe,
    corrected_biases,
    quantized_by,
    with_tensors,
)
from micronet_edge.quantization.recipe import (
    Recipe,
    changed_tensors,
    load_recipe,
    recipe_path,
    save_recipe,
    weights_path,
)
from micronet_edge.quantization.simulate import Simulation

METADATA = FileMetadata("m0", ("a", "b"), Preprocessing(8, 8), "c" * 64)


@pytest.fixture
def network():
    return traced(
        nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(4, 2)
    )


@pytest.fixture
def recipe(network):
    """With fine-tuned weights, and with biases for two targets, which differ."""
    found = calibrated_recipe(
        network, CalibrationImages(images().numpy(), "some", "d" * 64, 3), METADATA, "int8"
    )
    biases = corrected_biases(quantized_by(found, network, METADATA), images())
    other = {name: bias + 1 for name, bias in biases.items()}
    tensors = {"4.weight": 2 * network.get_submodule("4").weight.detach()}
    return replace(found, tensors=tensors, biases={"onnx": biases, "tflite": other})


@pytest.fixture
def saved(recipe, tmp_path):
    path = tmp_path / "net-int8.recipe.json"
    save_recipe(recipe, path)
    return path


def edited(path, **changes):
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(content))
    return path


def test_it_tells_what_was_decided(recipe):
    assert recipe.calibration == {
        "source": "some",
        "sha256": "d" * 64,
        "count": 40,
        "skipped": 3,
        "used": 40,
        "light_variants": 120,
    }
    assert (recipe.precision, recipe.variant, recipe.input_size) == ("int8", "m0", 8)
    assert recipe.checkpoint_sha256 == "c" * 64
    assert set(recipe.ranges) == {"image", "1", "2", "4"}
    assert recipe.finetuning is None


def test_calibration_finds_no_weights_and_no_biases(network):
    found = calibrated_recipe(
        network, CalibrationImages(images().numpy(), "some", "d" * 64, 0), METADATA, "int8"
    )
    assert (found.tensors, found.biases) == ({}, {})


def test_corrected_biases_are_those_of_every_layer_that_has_weights(network, recipe):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    found = corrected_biases(quantized_by(recipe, network, METADATA), images())
    assert set(found) == {"0.bias", "4.bias"}
    assert list(network.state_dict()) == list(before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_the_range_of_the_image_is_that_of_pixels_not_of_these(recipe):
    preprocessing = METADATA.preprocessing
    low = min(-mean / std for mean, std in zip(preprocessing.mean, preprocessing.std, strict=True))
    high = max((1 - mean) / std for mean, std in zip(preprocessing.mean, preprocessing.std, strict=True))
    assert recipe.ranges["image"] == (low, high)


def test_it_is_read_back_as_it_was(recipe, saved):
    found = load_recipe(saved)
    assert replace(found, weights_sha256="") == recipe
    assert set(found.tensors) == set(recipe.tensors)
    assert all(torch.equal(tensor, recipe.tensors[name]) for name, tensor in found.tensors.items())


def test_biases_are_read_back_for_each_target(recipe, saved):
    found = load_recipe(saved)
    assert list(found.biases) == ["onnx", "tflite"]
    for target, biases in recipe.biases.items():
        assert set(found.biases[target]) == set(biases) == {"0.bias", "4.bias"}
        assert all(torch.equal(bias, biases[name]) for name, bias in found.biases[target].items())


def test_saved_twice_it_is_the_same_bytes(saved, tmp_path):
    again = tmp_path / "again" / saved.name
    again.parent.mkdir()
    save_recipe(load_recipe(saved), again)
    assert again.read_bytes() == saved.read_bytes()
    assert weights_path(again).read_bytes() == weights_path(saved).read_bytes()


def test_its_names_are_those_of_the_file(tmp_path):
    path = recipe_path(tmp_path / "my.net-int8.tflite")
    assert path == tmp_path / "my.net-int8.recipe.json"
    assert weights_path(path) == tmp_path / "my.net-int8.recipe.safetensors"


def test_whoever_may_read_one_half_may_read_the_other(saved):
    assert weights_path(saved).stat().st_mode == saved.stat().st_mode


def test_a_person_can_read_it(saved):
    lines = saved.read_text().splitlines()
    assert '  "image": [' in "\n".join(lines)
    assert max(map(len, lines)) < 120


def test_the_network_given_stays_as_it_was(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    made = calibrated_recipe(
        network, CalibrationImages(images().numpy(), "some", "d" * 64, 0), METADATA, "int8"
    )
    quantized_by(made, network, METADATA)
    assert list(network.state_dict()) == list(before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert network.get_submodule("0").bias is None


def test_it_quantizes_the_same_network_again(network, recipe, saved):
    first, second = (quantized_by(each, network, METADATA) for each in (recipe, load_recipe(saved)))
    assert (first.tensor_qparams, first.float_layers, first.bits) == (
        second.tensor_qparams,
        second.float_layers,
        8,
    )
    with torch.no_grad():
        assert torch.equal(Simulation(first)(images()), Simulation(second)(images()))


def test_layers_in_float_are_kept(network, recipe, tmp_path):
    save_recipe(replace(recipe, float_layers=("0", "1")), tmp_path / "mixed.recipe.json")
    found = quantized_by(load_recipe(tmp_path / "mixed.recipe.json"), network, METADATA)
    assert found.float_layers == {"0", "1"}


def test_with_16_bits(network):
    made = calibrated_recipe(
        network, CalibrationImages(images().numpy(), "some", "d" * 64, 0), METADATA, "int8-a16"
    )
    found = quantized_by(made, network, METADATA)
    assert (made.percentile, found.bits) == (100.0, 16)


def test_changed_tensors_are_those_that_differ_and_those_that_are_new(network):
    changed = with_tensors(network, {"4.bias": torch.tensor([1.0, 2.0])})
    found = changed_tensors(network, changed)
    assert {name: tensor.tolist() for name, tensor in found.items()} == {
        "0.bias": [0.0] * 4,
        "4.bias": [1.0, 2.0],
    }
    assert changed_tensors(network, network) == {}


# --- Refusals


def test_a_recipe_that_is_not_there(refusal, tmp_path):
    error_line = refusal(SettingsError, load_recipe, tmp_path / "none.recipe.json")
    assert "none.recipe.json does not exist: check the path" in error_line


def test_a_recipe_without_its_weights(refusal, saved):
    weights_path(saved).unlink()
    error_line = refusal(SettingsError, load_recipe, saved)
    assert f"{weights_path(saved)} does not exist: a recipe is two files, {saved.name} and" in error_line


def test_weights_of_another_recipe(refusal, saved):
    save_file({"onnx:0.bias": torch.ones(4), "onnx:4.bias": torch.ones(2)}, weights_path(saved))
    error_line = refusal(SettingsError, load_recipe, saved)
    assert f"is not the file that {saved.name} was written with: keep the two together" in error_line


@pytest.mark.parametrize("content", [b"", b"no tensors at all", None], ids=["empty", "text", "truncated"])
def test_damaged_weights(refusal, saved, content):
    path = weights_path(saved)
    path.write_bytes(path.read_bytes()[:-3] if content is None else content)
    error_line = refusal(SettingsError, load_recipe, saved)
    assert "quantize again to make one" in error_line or "is empty (0 bytes)" in error_line


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "3",
        "null",
        "{}",
        '{"ranges": 3}',
        '{"ranges": {"image": 3}}',
        '{"ranges": {"image": [1]}}',
        '{"ranges": {"image": ["low", "high"]}, "float_layers": []}',
        '{"ranges": {}, "float_layers": [], "colour": "blue"}',
    ],
)
def test_a_text_that_is_no_recipe(refusal, saved, content):
    saved.write_text(content)
    error_line = refusal(SettingsError, load_recipe, saved)
    assert error_line.startswith(f"recipe {saved} cannot be read")


def test_bytes_that_are_no_text(refusal, saved):
    saved.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refusal(SettingsError, load_recipe, saved)


def test_a_precision_that_does_not_exist(refusal, saved):
    error_line = refusal(SettingsError, load_recipe, edited(saved, precision="int4"))
    assert error_line.endswith("is for precision 'int4': choose int8 or int8-a16")


@pytest.mark.parametrize("ends", [[float("nan"), 1.0], [0.0, float("inf")], [2.0, 1.0]], ids=str)
def test_a_range_that_is_none(refusal, saved, ends):
    content = json.loads(saved.read_text())
    content["ranges"]["1"] = ends
    saved.write_text(json.dumps(content))
    assert "the range of 1" in refusal(SettingsError, load_recipe, saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"variant": "m1"},
        {"checkpoint_sha256": "e" * 64},
        {"checkpoint_sha256": None},
        {"input_size": 16},
        {"ranges": {"image": (-1.0, 1.0)}},
    ],
    ids=str,
)
def test_a_recipe_of_another_network(refusal, network, recipe, changes):
    error_line = refusal(SettingsError, quantized_by, replace(recipe, **changes), network, METADATA)
    assert error_line.startswith("the recipe was made for another network (")
    assert error_line.endswith("quantize this one without --recipe")


def test_tensors_that_the_network_has_no_place_for(refusal, network, recipe):
    odd = replace(recipe, tensors={"9.weight": torch.ones(1)})
    assert "the recipe changes 9.weight, which the network does not have" in refusal(
        SettingsError, quantized_by, odd, network, METADATA
    )


def test_tensors_of_another_shape(refusal, network, recipe):
    odd = replace(recipe, tensors={"4.bias": torch.ones(3)})
    assert "other shapes than the network's" in refusal(SettingsError, quantized_by, odd, network, METADATA)


def test_a_recipe_needs_no_more_than_what_it_says():
    made = Recipe("int8", "m0", 8, None, 99.99, {}, {}, INTEGER_COSTS)
    assert (made.float_layers, made.finetuning, dict(made.tensors)) == ((), None, {})
    assert dict(made.biases) == {}


def test_qparams_come_from_ranges_alone(network, recipe):
    doubled = replace(recipe, ranges=recipe.ranges | {"1": tuple(2 * end for end in recipe.ranges["1"])})
    first, second = (quantized_by(each, network, METADATA).tensor_qparams for each in (recipe, doubled))
    assert second["1"].scale == pytest.approx(2 * first["1"].scale)
    assert {name for name in first if first[name] != second[name]} == {"1"}
    assert quantized(network).tensor_qparams["1"].scale == pytest.approx(first["1"].scale, rel=0.2)
