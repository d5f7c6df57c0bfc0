"""Networks as users write them become files that compute the same."""

import pytest
import torch
from any_files import Way, answers, decibels, difference, opened, spec_of, written
from networks_of_users import mobileone
from networks_of_users.catalogue import NETWORKS

from micronet_edge.targets.protocol import FLOAT32

FLOAT_TOLERANCE = 1e-4
"""The limit of every proof: float32 sums in another order. Measured below 2e-5."""

LEAST_DB = 15.0
"""The signal-to-noise ratio of int8 files with random weights, whose ranges are wide."""

WAYS = [Way(target, precision) for precision in (FLOAT32, "int8") for target in ("onnx", "tflite")]

FAILING: dict[tuple[str, str], str] = {}
"""What cannot work, by network and way, with the reason."""

QUICK = {"mobilenet-v3-small", "vit", "unet-transposed", "pyramid-detector", "image-and-vector", "sensor-1d"}
"""Those that together hold most layers; `make test` tries them in every way, the others are slow."""


def _cases():
    for network in NETWORKS:
        for way in WAYS:
            marks = [] if network.name in QUICK else [pytest.mark.slow]
            if reason := FAILING.get((network.name, str(way))):
                marks.append(pytest.mark.xfail(strict=True, reason=reason))
            yield pytest.param(network, way, marks=marks, id=f"{network.name} {way}")


def samples_of(network, count, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(count, *shape, generator=generator) for shape in network.inputs.values())


@pytest.mark.parametrize(("network", "way"), list(_cases()))
def test_its_files_compute_the_same(network, way, tmp_path):
    module, samples = network.build(), samples_of(network, 8)
    expected = answers(module, samples)
    shapes = {name: each.shape[1:] for name, each in zip(network.outputs, expected, strict=True)}
    path = tmp_path / f"{network.name}.{way.target}"
    written(module, samples, spec_of(network.inputs, shapes, way, network.name), path)
    found = opened(path).outputs(*(each.numpy() for each in samples))
    if way.precision == FLOAT32:
        assert difference(found, expected) <= FLOAT_TOLERANCE
    else:
        assert decibels(found, expected) >= LEAST_DB


@pytest.mark.parametrize("network", NETWORKS, ids=[network.name for network in NETWORKS])
def test_the_input_matters_and_the_weights_stay(network):
    """Else the tests above would show nothing."""
    samples = samples_of(network, 4)
    first, again = answers(network.build(), samples), answers(network.build(), samples)
    assert len(first) == len(network.outputs)
    assert difference(first, again) == 0
    for each in first:
        assert abs(each - each[:1]).max() > 1e-2 * abs(each).max()


def test_merged_branches_compute_the_same():
    samples = (torch.randn(2, *mobileone.IMAGE),)
    assert difference(answers(mobileone.build_merged(), samples), answers(mobileone.build(), samples)) < 1e-5
