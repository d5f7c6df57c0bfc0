"""Random networks, as users write them, compute the same in every target and precision."""

import copy
import tempfile
from pathlib import Path

import pytest
import torch
from any_files import Way, answers, decibels, difference, opened, spec_of, written
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from strategies.any_network import any_networks

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.pass_base import ROUNDING_ALONE
from micronet_edge.quantization.simulate import Simulation

FLOAT_TOLERANCE = 1e-4
"""Float32 sums of a few thousand terms in another order; a wrong axis or number gives above 1e-2."""

ROUNDING_FACTOR = 30
"""How much further a file may be off than PyTorch's own float32 is from float64."""

WELL_CONDITIONED = 1e-5
"""Of float32 against float64. A norm of equal numbers, say, divides rounding by nothing."""

SIMULATION_DB = 25.0
"""Between a file and its simulation: they differ by rounding of ties alone."""

FLOAT_WAYS = [Way(target, batch=batch) for target in ("onnx", "tflite") for batch in (1, 2, 3)]
INTEGER_WAYS = [Way(target, "int8", batch) for target in ("onnx", "tflite") for batch in (1, 2)]
QUICK, THOROUGH = 100, 1000
"""Networks for each of the two tests below."""

drawn = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
)


def check_float(network, way):
    samples = network.samples(2 * way.batch + 1)
    module = network.network()
    expected = answers(module, samples)
    rounding = _rounding(module, samples, expected)
    found = _written(network, module, samples, expected, way)[0]
    assert difference(found, expected) <= max(FLOAT_TOLERANCE, ROUNDING_FACTOR * rounding)


def check_integers(network, way):
    samples = network.samples(16)
    module = network.network()
    expected = answers(module, samples)
    assume(_rounding(module, samples, expected) <= WELL_CONDITIONED)
    found, form = _written(network, module, samples, expected, way)
    assert decibels(found, answers(Simulation(form), samples)) >= SIMULATION_DB


def _rounding(module, samples, expected):
    """How far float32 is from float64."""
    exact = answers(copy.deepcopy(module).double(), tuple(each.double() for each in samples))
    return difference(expected, [each.astype("float32") for each in exact])


def _written(network, module, samples, expected, way):
    """What the file gives, and what it holds."""
    shapes = {name: each.shape[1:] for name, each in zip(network.outputs, expected, strict=True)}
    spec = spec_of(network.inputs, shapes, way)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"network.{way.target}")
        try:
            form = written(module, samples, spec, path)
        except LoweringError as error:
            assume(ROUNDING_ALONE not in str(error))
            raise
        return opened(path).outputs(*(each.numpy() for each in samples)), form


@settings(drawn, max_examples=QUICK)
@given(network=any_networks(), way=st.sampled_from(FLOAT_WAYS))
def test_in_float(network, way):
    check_float(network, way)


@settings(drawn, max_examples=QUICK)
@given(network=any_networks(), way=st.sampled_from(INTEGER_WAYS))
def test_in_integers(network, way):
    check_integers(network, way)


@pytest.mark.slow
@settings(drawn, max_examples=THOROUGH)
@given(network=any_networks(most=10), way=st.sampled_from(FLOAT_WAYS))
def test_many_in_float(network, way):
    check_float(network, way)


@pytest.mark.slow
@settings(drawn, max_examples=THOROUGH)
@given(network=any_networks(most=10), way=st.sampled_from(INTEGER_WAYS))
def test_many_in_integers(network, way):
    check_integers(network, way)


@settings(drawn, max_examples=50)
@given(network=any_networks())
def test_the_drawn_networks_take_any_batch(network):
    """Else the tests above would show faults of the strategy."""
    module, again = network.network(), network.network()
    for count in (1, 3):
        samples = network.samples(count)
        found = answers(module, samples)
        assert all(len(each) == count for each in found)
        assert difference(found, answers(again, samples)) == 0
        together = answers(module, tuple(torch.cat([each, each]) for each in samples))
        assert difference([each[:count] for each in together], found) < 1e-4
