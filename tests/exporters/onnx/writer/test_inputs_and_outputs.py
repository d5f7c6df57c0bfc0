"""Files with several inputs and outputs, of any rank, under any names."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.primitives import Add, MatrixProduct, Mean, Reshape
from micronet_edge.lowering.ir.trace import trace
from micronet_edge_onnx.counting.count import count_file
from micronet_edge_onnx.format import TensorNames
from micronet_edge_onnx.session import OnnxSession
from micronet_edge_onnx.write import float_model, is_writable


class Several(nn.Module):
    """A map, a sequence and a row in; maps, a sequence, a sum of rows and an input out; one input unused."""

    def __init__(self):
        super().__init__()
        self.conv, self.act = nn.Conv2d(2, 4, 3, 2, 1), nn.SiLU()
        self.mean, self.linear = Mean((2, 3), keeps_axes=False), nn.Linear(6, 4)
        self.rows, self.product, self.add = Reshape((-1, 4, 20)), MatrixProduct(), Add()

    def forward(self, image, sequence, row, _unused):
        y = self.act(self.conv(image))
        products = self.product(self.linear(sequence), self.rows(y))
        return y, products, self.add(self.mean(y), row), y, row


class Twice(nn.Module):
    """What it takes, two times."""

    def forward(self, x):
        return x, x


SHAPES = (2, 7, 10), (5, 6), (4,), (3, 3)
NAMES = TensorNames(("conv", "linear", "row", "unused"), ("act", "products", "sum", "again", "given"))
"""Some of which are names of layers too."""


def given(count):
    generator = np.random.default_rng(0)
    return tuple(generator.standard_normal((count, *shape), np.float32) for shape in SHAPES)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return trace(Several(), tuple(map(torch.from_numpy, given(1))))


@pytest.fixture(params=[1, 4, None], ids=["one", "four", "any"])
def file(request, network, tmp_path):
    assert is_writable(network)
    onnx.save(float_model(network, request.param, NAMES), tmp_path / "several.onnx")
    return tmp_path / "several.onnx"


@pytest.mark.parametrize("count", [1, 4, 6])
def test_outputs_are_those_of_the_network(network, file, count):
    samples = given(count)
    with torch.no_grad():
        expected = network(*map(torch.from_numpy, samples))
    found = OnnxSession(file, 1, kernels="off").outputs(*samples)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == tuple(theirs.shape)
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-5)


def test_names_and_shapes_are_those_of_the_signature(file):
    graph = onnx.load(file).graph
    assert tuple(each.name for each in graph.input) == NAMES.inputs
    assert tuple(each.name for each in graph.output) == NAMES.outputs
    for value, shape in zip(graph.input, SHAPES, strict=True):
        assert tuple(side.dim_value for side in value.type.tensor_type.shape.dim[1:]) == shape
    batches = {
        side.dim_param or side.dim_value
        for value in (*graph.input, *graph.output)
        for side in value.type.tensor_type.shape.dim[:1]
    }
    assert len(batches) == 1


def test_it_is_counted(file):
    assert count_file(file).uncounted == {}


def test_only_files_with_one_of_each_take_images(file, refusal):
    session = OnnxSession(file, 1, kernels="off")
    assert refusal(TargetError, session.run, given(1)[0]).endswith(
        "several.onnx has 4 inputs and 5 outputs, not one of each: only such files can be run here"
    )


def test_samples_of_another_shape_or_number_are_refused(file, refusal):
    session, (image, sequence, row, unused) = OnnxSession(file, 1, kernels="off"), given(2)
    line = refusal(TargetError, session.outputs, image, sequence, row)
    assert "takes conv [2, 7, 10], linear [5, 6], row [4], unused [3, 3], not [[2, 7, 10], " in line
    line = refusal(TargetError, session.outputs, image, sequence[:1], row, unused)
    assert "got [2, 1, 2, 2] samples of its inputs" in line


def test_an_input_alone_may_be_an_output(tmp_path):
    network = trace(Twice(), (torch.zeros(1, 3),))
    model = float_model(network, None, TensorNames(("x",), ("a", "b")))
    onnx.save(model, tmp_path / "same.onnx")
    samples = np.ones((2, 3), np.float32)
    found = OnnxSession(tmp_path / "same.onnx", 1, kernels="off").outputs(samples)
    assert all(np.array_equal(each, samples) for each in found)
