"""The baselines are the networks of their papers: as large, as expensive, and answering every image."""

import pytest
import torch
from torch import nn

from baselines.building import BASELINES, CLASSES, PREPROCESSING, SIZE, build_baseline, random_baseline
from baselines.layers import make_divisible
from baselines.published import PUBLISHED
from micronet_edge.counting import count
from micronet_edge.data.photographs import photographs
from micronet_edge.errors import SettingsError
from micronet_edge.util.threads import one_thread

each_baseline = pytest.mark.parametrize("name", BASELINES)

# Published to two digits at most; 12 M stands for 12.8 M.
MADDS_WITHIN, PARAMS_WITHIN = 0.07, 0.03


def madds(name):
    network = build_baseline(name)
    return network, count(network, SIZE).total.conv_linear_madds


def norm_outputs(network):
    """How many numbers leave the batch norms for one image."""
    outputs = []
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(lambda _layer, _inputs, output: outputs.append(output.numel()))
    network.to("meta").eval()(torch.empty(1, 3, SIZE, SIZE, device="meta"))
    return sum(outputs)


def test_there_is_something_published_of_each():
    assert set(PUBLISHED) == set(BASELINES)


@each_baseline
def test_the_published_multiply_adds(name):
    network, found = madds(name)
    published = PUBLISHED[name]
    assert found / 1e6 == pytest.approx(published.madds_millions, rel=MADDS_WITHIN)
    if published.norms_counted:
        assert round((found + 2 * norm_outputs(network)) / 1e6) == published.madds_millions


@each_baseline
def test_the_published_parameters(name):
    published = PUBLISHED[name].params_millions
    found = sum(parameter.numel() for parameter in build_baseline(name).parameters()) / 1e6
    assert published is None or found == pytest.approx(published, rel=PARAMS_WITHIN)


def test_the_numbers_that_everybody_has_for_the_full_width():
    network, found = madds("mobilenet-v3-small-1.0")
    assert sum(parameter.numel() for parameter in network.parameters()) == 2_542_856
    assert found == 56_510_400


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(1, 8), (12, 16), (11.9, 16), (16.8, 16), (54, 56), (43.9, 40), (44, 48), (100, 104), (8.9, 16)],
)
def test_channels_are_made_divisible(channels, expected):
    assert make_divisible(channels) == expected


@pytest.mark.parametrize("name", ["mobilenet-v3-small-0.35", "pp-lcnet-0.25"])
def test_random_weights_tell_photographs_apart(name):
    network, again = random_baseline(name), random_baseline(name)
    images = torch.from_numpy(PREPROCESSING.batch(photographs()))
    with torch.no_grad(), one_thread():
        logits = network(images)
        assert torch.equal(again(images), logits)
    assert logits.shape == (len(images), CLASSES)
    assert logits.std(0).mean() > 0.2 * logits.std()


def test_an_unknown_baseline(refusal):
    error_line = refusal(SettingsError, build_baseline, "mobilenet-v3-small-2.0")
    assert "choose from mobilenet-v3-small-0.35" in error_line
