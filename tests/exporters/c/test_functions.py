"""Functions of each number: one table each in integers, equal to the simulation to the bit."""

import numpy as np
import pytest
import torch
from quantization.networks import quantized
from torch import nn

from baselines.building import random_baseline
from baselines.prepare import prepared
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import TargetError
from micronet_edge.lowering import lower
from micronet_edge.quantization.operators.function import FUNCTIONS
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge_c.target import TARGET

SIZE, CLASSES, IMAGES = 64, 20, 4
FLOAT_ERROR = 1e-4
IN_FLOAT = (nn.Hardswish, nn.Hardsigmoid)


def spec(precision, size=SIZE):
    labels = tuple(map(str, range(CLASSES)))
    metadata = FileMetadata("network", labels, Preprocessing.imagenet(size), precision=precision)
    return ExportSpec(size, 1, naive=False, portable=False, metadata=metadata, precision=precision)


def noise(size=SIZE):
    return torch.randn(IMAGES, 3, size, size, generator=torch.Generator().manual_seed(1))


def lowered(module, wanted):
    return lower(module, TARGET.pipeline(wanted), wanted.input_size).network


def tables(session):
    return session.operators()["table"]


def written_int8(module, given, wanted, folder):
    """A session of the file, what the simulation gives for the images, and what the session gives."""
    form = TARGET.quantized_graph(quantized(lowered(module, wanted), given=given))
    TARGET.quantize(form, wanted, folder / "network.c")
    with torch.no_grad():
        expected = Simulation(form)(given).numpy()
    session = TARGET.open(folder / "network.c")
    return session, expected, session.run(given.numpy())


@pytest.mark.parametrize(("name", "swishes"), [("mobilenet-v3-small-0.35", 19), ("pp-lcnet-0.25", 28)])
def test_a_baseline_computes_what_its_simulation_computes(name, swishes, tmp_path):
    wanted = spec("int8")
    images = torch.from_numpy(wanted.metadata.preprocessing.batch(photographs()))
    network = prepared(random_baseline(name, SIZE, CLASSES), "c", "int8", SIZE)
    session, expected, found = written_int8(network, images, wanted, tmp_path)
    assert np.array_equal(found, expected)
    assert len(np.unique(found)) > CLASSES
    assert tables(session) == swishes


def test_a_baseline_in_float_is_near_its_network(tmp_path):
    wanted, name = spec("float32"), "mobilenet-v3-small-0.35"
    network = random_baseline(name, SIZE, CLASSES)
    rewritten, path = prepared(network, "c", "float32", SIZE), tmp_path / "network.c"
    TARGET.export(lowered(rewritten, wanted), wanted, path)
    assert_near(path, network, torch.from_numpy(wanted.metadata.preprocessing.batch(photographs())))


def assert_near(path, network, images):
    with torch.no_grad():
        expected = network(images).numpy()
    error = np.abs(TARGET.open(path).run(images.numpy()) - expected).max()
    assert error <= FLOAT_ERROR * np.abs(expected).max()


def around(function):
    """A network whose numbers spread over both sides of the function's knees."""
    torch.manual_seed(0)
    stem, last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, CLASSES, 1)
    return nn.Sequential(stem, function, last, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_is_one_table(function, tmp_path):
    session, expected, found = written_int8(around(function()), 3 * noise(8), spec("int8", 8), tmp_path)
    assert np.array_equal(found, expected)
    assert tables(session) == 1


@pytest.mark.parametrize("function", FUNCTIONS)
def test_in_float_a_function_is_computed_or_refused(function, tmp_path, refusal):
    network, images, wanted = around(function()), 3 * noise(8), spec("float32", 8)
    path = tmp_path / "network.c"
    graph = lowered(network, wanted)
    if function not in IN_FLOAT:
        line = refusal(TargetError, TARGET.export, graph, wanted, path)
        assert line.startswith(f"1: the C target computes {function()} in integers only")
        assert "--precision int8" in line
        return
    TARGET.export(graph, wanted, path)
    assert_near(path, network, images)
