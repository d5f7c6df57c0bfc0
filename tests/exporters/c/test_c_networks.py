"""Networks of our layers, of any sizes: their C files compute what the simulation does, in bounds."""

import pytest
from exporters.c.c_networks import (
    SANITIZERS,
    SMALL,
    classifier,
    int8_form,
    largest_difference,
    random_networks,
    self_test,
    small,
    variant_form,
    write_int8,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lowering.networks import Residual, stem
from quantization.networks import images
from reference.authors import VARIANTS
from torch import nn

from micronet_edge.models import FactorizedStem

PASSED = (0, "PASS\n")


def check(form, path, io="float32", count=2):
    """Nothing is read or written out of bounds, and every score is the simulation's."""
    size = form.preprocessing.size
    write_int8(form, path, io=io)
    assert self_test(path, *SANITIZERS) == PASSED
    assert largest_difference(form, path, images(count, size).clamp(-2, 2)) == 0


@pytest.mark.parametrize("variant", VARIANTS)
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
