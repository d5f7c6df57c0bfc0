"""An accuracy budget is kept by putting the most sensitive layers back into float, or said to be hopeless."""

import copy
import shutil
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from cli.command import DIGITS, names
from example_images import digits as images
from quantized_digits import image_folder, quantized_digits

from micronet_edge import ExportSettings
from micronet_edge.errors import VerificationError
from micronet_edge.evaluation.evaluate import evaluate
from micronet_edge.models.source import read_source
from micronet_edge.pipeline import mixed_precision as bounding
from micronet_edge.pipeline.job import export_spec
from micronet_edge.pipeline.mixed_precision import Measured, bound_drop
from micronet_edge.pipeline.quantized_graphs import written_forms, written_graph
from micronet_edge.pipeline.run import quantize
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.correct_bias import correct_bias
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import changed_tensors, load_recipe, save_recipe
from micronet_edge.settings import QuantizeSettings
from micronet_edge.targets.registry import find_target
from micronet_edge.util import latency

IMAGES_PER_CLASS = 4
NARROW = 0.3
"""Ranges so much too narrow that int8 confuses the digits."""


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return quantized_digits(image_folder(tmp_path_factory), "int8")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A few test images of each digit."""
    source, folder = image_folder(tmp_path_factory) / "test", tmp_path_factory.mktemp("data")
    for label in images.LABELS:
        (folder / label).mkdir()
        for path in sorted((source / label).iterdir())[:IMAGES_PER_CLASS]:
            shutil.copy(path, folder / label)
    return folder


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Guilt of few images is as good a test, and so is the time of few runs."""
    monkeypatch.setattr(bounding, "GUILT_IMAGES", 4)
    monkeypatch.setattr(latency, "_RUNS", 3)


def narrowed(ranges):
    inner = {name: (NARROW * low, NARROW * high) for name, (low, high) in ranges.items() if name != "image"}
    return ranges | inner


@pytest.fixture(scope="module")
def narrow(example):
    """The recipe with ranges that are too narrow."""
    return replace(example.recipe, ranges=narrowed(example.recipe.ranges))


@pytest.fixture(scope="module")
def hopeless(example):
    """The same with weights of its own, as after fine-tuning: even in float the network is another one."""
    ranges = narrowed(example.recipe.ranges)
    corrected = copy.deepcopy(example.network)
    for node in corrected.graph.nodes:
        if node.op == "call_module" and hasattr(corrected.get_submodule(node.target), "bias"):
            layer = corrected.get_submodule(node.target)
            if layer.bias is None:
                layer.bias = torch.nn.Parameter(torch.zeros(layer.weight.shape[0]))
    correct_bias(
        QuantizedNetwork(corrected, example.metadata.preprocessing, assign_qparams(corrected, ranges, 8)),
        torch.from_numpy(example.calibration),
    )
    tensors = changed_tensors(example.network, corrected)
    return replace(example.recipe, ranges=ranges, tensors=tensors, finetuning={"source": "elsewhere"})


def bound(recipe, example, data, max_drop):
    settings = ExportSettings(formats=("tflite",), precision="int8")
    origin, told = read_source(DIGITS, None, settings), []
    targets = [find_target("tflite")]
    measured = Measured(
        example.network,
        origin,
        export_spec(origin, settings),
        torch.from_numpy(example.calibration),
        data,
    )
    formed = written_forms(recipe, example.network, example.metadata, targets)
    return bound_drop(formed, measured, targets, max_drop, told.append), told


def test_a_bound_that_holds_at_once_takes_one_step(example, data):
    found, told = bound(example.recipe, example, data, 5.0)
    (step,) = found.steps
    assert found.formed.recipe.in_float("tflite") == frozenset()
    assert (step.format, step.reverted) == ("tflite", ())
    assert step.top1 - step.difference.points == pytest.approx(100)
    assert step.difference.low < step.difference.points <= step.difference.high
    assert step.latency_ms > 0
    (line,) = told
    assert line.startswith(
        f"tflite: 0 layers in float, top-1 differs by {step.difference.points:+.2f} points ("
    )


def test_too_few_images_for_the_budget_are_named_before_the_work():
    (note,) = bounding.notes_on_resolution(60, 1.0)
    assert "60 labelled images cannot resolve --max-drop 1: one image is 1.67 points" in note
    assert "give at least 100 images" in note
    assert bounding.notes_on_resolution(100, 1.0) == ()
    (never,) = bounding.notes_on_resolution(397, 0.0)
    assert "one image is 0.25 points" in never


def test_layers_go_back_to_float_until_the_bound_holds(example, narrow, data):
    found, told = bound(narrow, example, data, 10.0)
    first, *_, last = found.steps
    assert first.reverted == ()
    assert first.difference.points < -10
    assert last.difference.points >= -10
    assert all(step.difference.points < -10 for step in found.steps[:-1])
    counts = [len(step.reverted) for step in found.steps]
    assert all(later >= 2 * earlier + 1 or later == max(counts) for earlier, later in pairwise(counts))
    for earlier, later in pairwise(found.steps):
        assert set(earlier.reverted) <= set(later.reverted)
    grouped = layers(example.network)
    assert set(last.reverted) <= set(grouped)
    assert found.formed.recipe.in_float("tflite") == {
        name for layer in last.reverted for name in grouped[layer]
    }
    assert found.formed.recipe.ranges == narrow.ranges
    assert told.count("tflite: comparing the layers") == 1
    assert found.formed.recipe.in_float("onnx") == frozenset()  # which loses nothing by these


def test_the_layer_that_is_bad_alone_is_the_first(example, data):
    grouped = layers(example.network)
    spoilt = "classifier/hidden/linear"
    (name,) = grouped[spoilt]
    recipe = replace(example.recipe, ranges=example.recipe.ranges | {name: (-0.01, 0.01)})
    found, _ = bound(recipe, example, data, 10.0)
    _, second, *_ = found.steps
    assert spoilt in second.reverted
    assert found.steps[-1].difference.points >= -10


def test_a_bound_out_of_reach_says_the_best_that_was_reached(example, hopeless, data, refusal):
    error_line = refusal(VerificationError, bound, hopeless, example, data, 0.0)
    every = len(layers(example.network))
    assert error_line.startswith(
        "--max-drop 0 cannot be kept in tflite: the best reached is top-1 differs by -"
    )
    assert f"of {every} layers in float;" in error_line
    assert "give --finetune DIR or --precision int8-a16" in error_line


@pytest.mark.slow
def test_nothing_is_written_where_the_bound_is_out_of_reach(hopeless, data, calibration, tmp_path, refusal):
    (tmp_path / "recipe").mkdir()
    path = tmp_path / "recipe" / "bad.recipe.json"
    save_recipe(hopeless, path)
    settings = QuantizeSettings(
        formats=("tflite",),
        output=tmp_path / "out",
        calibration=calibration,
        recipe=path,
        data=data,
        max_drop=0.0,
    )
    refusal(VerificationError, quantize, DIGITS, settings=settings)
    assert names(tmp_path) == ["recipe"]


@pytest.mark.slow
def test_the_recipe_that_is_kept_has_the_layers_in_float(narrow, data, calibration, tmp_path):
    path = tmp_path / "narrow.recipe.json"
    save_recipe(narrow, path)
    settings = QuantizeSettings(
        formats=("tflite",),
        output=tmp_path / "out",
        calibration=calibration,
        recipe=path,
        data=data,
        max_drop=10.0,
    )
    result = quantize(DIGITS, settings=settings)
    kept = load_recipe(result.recipe)
    assert len(kept.in_float("tflite")) > len(result.steps[-1].reverted) > 0
    assert result.files[0].size_bytes == result.steps[-1].size_bytes


@pytest.fixture(scope="module")
def calibration(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibration")
    for path in images.image_paths("train", image_folder(tmp_path_factory))[::40]:
        shutil.copy(path, folder)
    return folder


def test_images_too_few_for_the_bound_are_said(example, data):
    found, _ = bound(example.recipe, example, data, 1.0)
    (note,) = found.notes
    assert note.startswith("the labelled images cannot resolve --max-drop 1:")
    assert bound(example.recipe, example, data, 50.0)[0].notes == ()


def test_it_judges_the_file_as_evaluate_does(example, data, tmp_path):
    found, _ = bound(example.recipe, example, data, 50.0)
    target, settings = find_target("tflite"), ExportSettings(formats=("tflite",), precision="int8")
    form = written_graph(example.recipe, example.network, example.metadata, target)
    target.quantize(
        form, export_spec(read_source(DIGITS, None, settings), settings), tmp_path / "file.tflite"
    )
    expected = evaluate(tmp_path / "file.tflite", data, checkpoint=DIGITS)
    assert found.steps[0].difference == expected.comparison.difference
