"""Networks with several inputs and outputs of any rank are quantized as classifiers are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from quantization.networks import graph_of
from torch import nn

from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import SettingsError
from micronet_edge.lowering.ir import primitives as p
from micronet_edge.lowering.ir.watch import Watched
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.channel_means import by_channel, channel_means
from micronet_edge.quantization.finetune import finetune
from micronet_edge.quantization.quantize_network import (
    calibrated_recipe,
    corrected_biases,
    quantized_by,
    with_tensors,
)
from micronet_edge.quantization.range_utilisation import utilisation
from micronet_edge.quantization.recipe import load_recipe, save_recipe
from micronet_edge.quantization.refine_stem import refine_stem
from micronet_edge.quantization.samples import as_inputs
from micronet_edge.quantization.sensitivity import analyze
from micronet_edge.quantization.simulate import Simulation

SIGNATURE = Signature(
    (TensorSpec("map", (4, 6, 8)), TensorSpec("tokens", (5, 12))),
    (TensorSpec("maps", (6, 6, 8)), TensorSpec("tokens_out", (5, 6)), TensorSpec("score", (1,))),
)
METADATA = FileMetadata("pair", (), Preprocessing.imagenet(32), signature=SIGNATURE)


class Pair(nn.Module):
    """A map that tokens scale, tokens behind their samples' axis, and a score of both."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.tokens = nn.Conv2d(4, 6, 3, padding=1), nn.Linear(12, 6, bias=False)
        self.mean, self.gate = p.Mean((1,), keeps_axes=False), nn.Sigmoid()
        self.to_map, self.scaled = p.Reshape((-1, 6, 1, 1)), p.Multiply()
        self.swapped, self.mixed, self.back = p.Permute((1, 0, 2)), nn.Linear(6, 6), p.Permute((1, 0, 2))
        self.pool, self.flat, self.both = nn.AdaptiveAvgPool2d(1), nn.Flatten(1), p.Concatenate(1)
        self.score = nn.Linear(12, 1)

    def forward(self, image, tokens):
        tokens = self.tokens(tokens)
        mean = self.mean(tokens)
        maps = self.scaled(self.conv(image), self.to_map(self.gate(mean)))
        mixed = self.back(self.mixed(self.swapped(tokens)))
        return maps, mixed, self.score(self.both(self.flat(self.pool(maps)), mean))


def samples(count, seed=1):
    random = np.random.default_rng(seed)
    return tuple(random.standard_normal((count, *spec.shape), np.float32) for spec in SIGNATURE.inputs)


def tensors(count, seed=1):
    return tuple(map(torch.from_numpy, samples(count, seed)))


@pytest.fixture(scope="module")
def network():
    found = graph_of(Pair(), *tensors(1))
    for node in found.graph.nodes:
        if node.name in {"swapped", "mixed"}:
            node.meta["batch_axis"] = 1
    return found


@pytest.fixture(scope="module")
def recipe(network):
    first, *others = samples(70)
    calibration = CalibrationImages(first, "arrays", "", 0, others=tuple(others))
    return calibrated_recipe(network, calibration, METADATA, "int8")


def noise(found, exact):
    return [
        float((ours - theirs).square().sum() / theirs.square().sum())
        for ours, theirs in zip(found, exact, strict=True)
    ]


def outputs(network, given):
    with torch.no_grad():
        return as_inputs(network(*given))


def test_the_recipe_has_a_range_for_each_input_and_is_kept(recipe, tmp_path):
    assert {"input:image", "input:tokens"} <= set(recipe.ranges)
    assert recipe.calibration["light_variants"] == 0
    save_recipe(recipe, tmp_path / "pair.recipe.json")
    assert load_recipe(tmp_path / "pair.recipe.json").ranges == recipe.ranges


def test_all_outputs_are_simulated(network, recipe):
    quantized = quantized_by(recipe, network, METADATA)
    given = tensors(20, 2)
    exact, found = outputs(network, given), outputs(Simulation(quantized), given)
    assert [each.shape for each in found] == [each.shape for each in exact]
    assert max(noise(found, exact)) < 1e-2
    assert all(not torch.equal(*pair) for pair in zip(found, exact, strict=True))


def test_every_bias_is_corrected(network, recipe):
    quantized = quantized_by(recipe, network, METADATA)
    biases = corrected_biases(quantized, tensors(35))
    assert {"conv.bias", "tokens.bias", "mixed.bias", "score.bias"} == set(biases)
    corrected = replace(quantized, network=with_tensors(quantized.network, biases))
    given = tensors(20, 2)
    exact = outputs(network, given)
    before, after = (noise(outputs(Simulation(each), given), exact) for each in (quantized, corrected))
    assert sum(after) < 1.1 * sum(before)


@pytest.mark.parametrize("name", ["conv", "tokens", "mixed"])
def test_samples_of_batches_of_any_size_count_alike(network, name):
    (node,) = (each for each in network.graph.nodes if (each.op, each.target) == ("call_module", name))
    seen = {}
    Watched(network, lambda each, value: seen.update({each: value}))(*tensors(35))
    values, samples_axis = seen[node], 1 if name == "mixed" else 0
    batches = [by_channel(node, batch) for batch in torch.split(values, 32, samples_axis)]
    assert [len(batch) for batch in batches] == [32, 3]
    found = torch.stack(list(map(channel_means, batches))).sum(0) / 35
    channels = 1 if name == "conv" else 2
    assert torch.allclose(found, values.movedim(channels, 0).flatten(1).mean(1), atol=1e-6)


def test_the_analysis_judges_by_the_noise_of_all_outputs(network, recipe):
    quantized = quantized_by(recipe, network, METADATA)
    given = tensors(70, 3)
    result = analyze(quantized, network, given)
    assert [row.layer for row in result.rows[:2]] == ["input:image", "input:tokens"]
    exact, found = outputs(network, given), outputs(Simulation(quantized), given)
    expected = sum(noise(found, exact)) / 3
    assert 10 ** (-result.sqnr_db / 10) == pytest.approx(expected, rel=1e-3)
    assert (result.agreement, result.top1_float, result.rows[0].agreement_back) == (None, None, None)
    assert max(row.noise_share for row in result.rows) > 0


def test_ranges_are_compared_with_other_samples(network, recipe):
    found, first = utilisation(network, recipe.ranges, tensors(40, 4))
    assert first.shape == (40, 6, 6, 8)
    assert not any(name.startswith("input:") for name in found)
    assert all(each.clipped < 0.01 for each in found.values())


def test_only_images_are_read_as_pixels(network, recipe):
    quantized = quantized_by(recipe, network, METADATA)
    assert refine_stem(quantized) is quantized


def test_fine_tuning_wants_a_classifier(network, recipe, refusal):
    quantized = quantized_by(recipe, network, METADATA)
    assert "logits of classes" in refusal(SettingsError, finetune, quantized, None)


def test_one_tensor_stands_for_one_input():
    network = graph_of(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), torch.zeros(1, 3))
    given = torch.randn(40, 3)
    assert calibrate(network, given, 100.0) == calibrate(network, (given,), 100.0)
