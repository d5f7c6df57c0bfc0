"""Networks of our layers, of any sizes: their C files compute what the simulation does, in bounds."""

import pytest
import torch
from exporters.c.c_networks import (
    SANITIZERS,
    SMALL,
    classifier,
    int8_form,
    largest_difference,
    lowered,
    pixel_images,
    random_networks,
    self_test,
    small,
    variant_form,
    write_int8,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lowering.networks import Residual, shift_max, stem
from reference.authors import VARIANTS
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.models import FactorizedStem
from micronet_edge.quantization.integer_arithmetic import rounded
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.simulate import Simulation
from micronet_edge_c.metadata import read_description
from micronet_edge_c.target import TARGET

PASSED = (0, "PASS\n")


def check(form, path, io="float32", count=2):
    """Nothing is read or written out of bounds, and every score is the simulation's."""
    size = form.preprocessing.size
    write_int8(form, path, io=io)
    assert self_test(path, *SANITIZERS) == PASSED
    assert largest_difference(form, path, pixel_images(count, size)) == 0


@pytest.mark.parametrize(
    "variant",
    [name if name in {"m0", "m1"} else pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS],
)
def test_variants(variant, tmp_path):
    check(variant_form(variant), tmp_path / "net.c", io="float32" if variant == "m0" else "uint8")


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(network=random_networks(), size=st.sampled_from([8, 9, 13, 16]), io=st.sampled_from(["int8", "uint8"]))
def test_random_networks(network, size, io, tmp_path):
    check(int8_form(network, size), tmp_path / "net.c", io)


FIRST_LAYERS = {
    "a pixel": (stem(4, 1), nn.ReLU()),
    "groups of a pixel": (nn.Conv2d(3, 6, 1, groups=3),),
    "a window": (stem(4, 3),),
    "a strip": (nn.Conv2d(3, 9, (3, 1), (2, 1), (1, 0), groups=3),),
    "two layers": (FactorizedStem(3, (2, 2)),),
    "an activation": (nn.Hardswish(), stem(4, 3)),
    "a mean": (nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, 1)),
    "a sum": (Residual(nn.Conv2d(3, 3, 3, padding=1)),),
}
"""Layers that read the image."""


@pytest.mark.parametrize("io", ["int8", "uint8"])
@pytest.mark.parametrize("first", FIRST_LAYERS.values(), ids=FIRST_LAYERS)
def test_any_layer_may_read_the_image(first, io, tmp_path):
    channels = next(layer for layer in reversed(small(*first)) if not isinstance(layer, nn.ReLU))
    network = small(*first, *classifier(outputs_of(channels)))
    check(int8_form(network, SMALL), tmp_path / "net.c", io)


def outputs_of(layer):
    if isinstance(layer, FactorizedStem):
        return 4
    return layer.out_channels if isinstance(layer, nn.Conv2d) else 3


MIXED = (
    stem(8, 3),
    nn.ReLU6(),
    shift_max(8, 2),
    nn.Conv2d(8, 8, 3, 2, 1, groups=8),
    nn.ReLU(),
    *classifier(8),
)


@pytest.mark.parametrize("io", ["int8", "uint8"])
@pytest.mark.parametrize("first", range(3))
def test_layers_in_float32(first, io, tmp_path):
    """Integers and float32 beside each other in every way; the image and the scores are integers."""
    network = small(*MIXED)
    grouped = list(layers(lowered(network, SMALL)).values())
    form = int8_form(network, SMALL, frozenset(name for names in grouped[first::3] for name in names))
    path = write_int8(form, tmp_path / "net.c", io=io)
    assert self_test(path, *SANITIZERS) == PASSED
    described, given = read_description(path), pixel_images(8, SMALL)
    if FileMetadata.from_texts(described.texts, "").pixels == "normalized":
        given = rounded(given, described.image)
    with torch.no_grad():
        expected = rounded(Simulation(form)(given), described.scores).numpy()
    assert abs(TARGET.open(path).run(given.numpy()) - expected).max() < 1e-3 * described.scores.scale
