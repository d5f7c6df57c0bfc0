"""A recipe gives each target its own form of the network, with biases for that form."""

from dataclasses import replace

import pytest
import torch
from quantized_digits import image_folder, quantized_digits

from micronet_edge.errors import SettingsError
from micronet_edge.lowering.passes.fold_input_normalization import pixels_of
from micronet_edge.pipeline.quantized_graphs import corrected_forms, float_graph, written_graph
from micronet_edge.quantization.quantize_network import corrected_biases, quantized_by, with_tensors
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.registry import find_target
from micronet_edge.util.threads import one_thread

FEW = 8
"""Images: enough to correct biases on where the numbers do not matter."""

ONNX, TFLITE = find_target("onnx"), find_target("tflite")
each_target = pytest.mark.parametrize("target", [ONNX, TFLITE], ids=["onnx", "tflite"])


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return quantized_digits(image_folder(tmp_path_factory), "int8")


@pytest.fixture(scope="module")
def images(example):
    return torch.from_numpy(example.calibration[:FEW])


def form_of(recipe, example, target):
    return written_graph(recipe, example.network, example.metadata, target)


def plain_form(example, target):
    """The target's form without any corrected bias."""
    return target.quantized_graph(quantized_by(example.recipe, example.network, example.metadata))


def only(recipe, *formats):
    return replace(recipe, biases={name: recipe.biases[name] for name in formats})


def same(tensors, others):
    return set(tensors) == set(others) and all(torch.equal(tensors[name], others[name]) for name in tensors)


def weights_and_biases(network):
    return {
        name: tensor for name, tensor in network.state_dict().items() if "bias" in name or "weight" in name
    }


@each_target
def test_biases_are_those_of_the_targets_own_form(example, images, target):
    recipe = corrected_forms(example.recipe, example.network, example.metadata, [target], images).recipe
    assert list(recipe.biases) == [target.name]
    with one_thread():
        expected = corrected_biases(plain_form(example, target), images)
    assert same(recipe.biases[target.name], expected)


def test_forms_differ_and_so_do_their_biases(example):
    ours, theirs = (example.recipe.biases[target.name] for target in (ONNX, TFLITE))
    shared = set(ours) & set(theirs)
    assert shared
    assert any(not torch.equal(ours[name], theirs[name]) for name in shared)


@each_target
def test_the_form_has_the_biases_and_every_other_tensor_as_it_was(example, target):
    found, plain = form_of(example.recipe, example, target), plain_form(example, target)
    biases, state, before = (
        example.recipe.biases[target.name],
        weights_and_biases(found.network),
        weights_and_biases(plain.network),
    )
    assert biases
    assert all(name.endswith(".bias") for name in biases)
    for name, tensor in state.items():
        assert torch.equal(tensor, biases.get(name, before.get(name)))
    assert (found.tensor_qparams, found.float_layers) == (plain.tensor_qparams, plain.float_layers)


def test_what_each_target_makes_of_the_stem(example):
    ours, theirs = (form_of(example.recipe, example, target) for target in (ONNX, TFLITE))
    assert pixels_of(ours.network) is None
    assert pixels_of(theirs.network) is not None
    image, *_ = ours.network.graph.nodes
    assert not ours.is_integer(image)  # onnx reads it in float


@each_target
def test_corrected_biases_bring_the_mean_back(example, target):
    given = torch.from_numpy(example.calibration)
    with torch.no_grad():
        expected = example.network(given).mean(0)
        corrected, before = (
            Simulation(form)(given).mean(0)
            for form in (form_of(example.recipe, example, target), plain_form(example, target))
        )
    assert (corrected - expected).norm() < (before - expected).norm()


@pytest.mark.parametrize(
    ("made_for", "given", "error_line"),
    [
        ("tflite", ONNX, "the recipe was made for tflite, not onnx: give --format tflite, or quantize"),
        ("onnx", TFLITE, "the recipe was made for onnx, not tflite: give --format onnx, or quantize"),
    ],
    ids=["onnx", "tflite"],
)
def test_a_recipe_of_another_format_is_refused(refusal, example, made_for, given, error_line):
    recipe = only(example.recipe, made_for)
    found = refusal(SettingsError, form_of, recipe, example, given)
    assert found == f"{error_line} without --recipe"
    form_of(recipe, example, find_target(made_for))


def test_a_recipe_of_no_format_is_refused(refusal, example):
    error_line = refusal(SettingsError, form_of, only(example.recipe), example, ONNX)
    assert "no format, not onnx" in error_line
    assert error_line.endswith("quantize without --recipe")


@pytest.fixture
def finetuned(example):
    weights = {name: 1.01 * tensor for name, tensor in example.network.named_parameters() if "weight" in name}
    tensors = {name: tensor.detach() for name, tensor in weights.items()}
    return replace(example.recipe, tensors=tensors, biases={}, finetuning={"source": "elsewhere"})


def test_fine_tuned_weights_get_no_biases(example, images, finetuned):
    found = corrected_forms(finetuned, example.network, example.metadata, [ONNX, TFLITE], images)
    assert found.recipe is finetuned


def test_fine_tuned_weights_are_written_for_any_format(example, finetuned):
    images = torch.from_numpy(example.images[:FEW])
    with torch.no_grad():
        expected = with_tensors(example.network, finetuned.tensors)(images)
        found = form_of(finetuned, example, ONNX).network(images)
    assert torch.allclose(found, expected, rtol=0, atol=1e-4 * expected.abs().max().item())
    assert pixels_of(form_of(finetuned, example, TFLITE).network) is not None


@each_target
def test_the_float_form_has_the_operators_written_and_the_weights_as_trained(example, finetuned, target):
    images = torch.from_numpy(example.images[:FEW])
    for recipe in (example.recipe, finetuned):
        network = float_graph(recipe, example.network, example.metadata, target)
        written = form_of(recipe, example, target).network
        assert [node.target for node in network.graph.nodes] == [node.target for node in written.graph.nodes]
        with torch.no_grad():
            expected = example.network(images)
            assert (network(images) - expected).abs().max() < 1e-5 * expected.abs().max()


def test_the_network_stays_as_it_is(example, images):
    before = {name: tensor.clone() for name, tensor in example.network.state_dict().items()}
    corrected_forms(example.recipe, example.network, example.metadata, [TFLITE], images)
    form_of(example.recipe, example, TFLITE)
    assert same(before, example.network.state_dict())
