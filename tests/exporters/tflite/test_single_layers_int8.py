"""Layers in integers: LiteRT's result is next to what PyTorch gives for the same quantized inputs."""

import numpy as np
import pytest
import torch
from single_layers import (
    PREPROCESSING,
    alone,
    check_operators,
    expected_outputs,
    graph_of,
    samples,
    session_of,
    signature_of,
)
from test_single_layers import FUNCTIONS, MAPS, OF_ROWS
from torch import nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir import primitives as p
from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import calibrated_tensors, tensor_name
from micronet_edge_tflite.network_file import FileForm, quantized_file
from micronet_edge_tflite.operators import INTEGER, float_layers

LEVELS = 4.5
"""Largest difference in levels of the result.

Some layers round two or three times, and LiteRT's own results of SOFTMAX and TANH are coarser than these. A
wrong channel, border or scale gives tens of levels.
"""

IN_FLOAT = {
    "elu, steeper": {"RELU", "MINIMUM", "ELU", "MUL", "ADD"},
    "mish": {"MINIMUM", "EXP", "ADD", "MUL", "DIV"},
    "softplus": {"RELU", "ABS", "LOGISTIC", "LOG", "SUB"},
    "exponential": {"EXP"},
    "reciprocal square root": {"EXP", "RSQRT"},
    "logarithm": {"EXP", "LOG"},
}
NOT_ALONE = {"relu", "relu6", "hardtanh", "square root"}
"""A clip of the input alone is none in integers, a root of rounded numbers near zero is far off."""


class Ranges(torch.fx.Interpreter):
    """The smallest and the largest number of every tensor."""

    def __init__(self, network):
        super().__init__(network)
        self.found = {}

    def run_node(self, n):
        value = super().run_node(n)
        if n.op != "output":
            self.found[tensor_name(n)] = (float(value.min()), float(value.max()))
        return value


def check_int8(path, network, *shapes, batch=3):
    traced = graph_of(network, *shapes)
    given = samples(4, shapes)
    ranges = Ranges(traced)
    with torch.no_grad():
        ranges.run(*map(torch.from_numpy, given))
    own = {name: ranges.found[name] for name in calibrated_tensors(traced)}
    qparams = assign_qparams(traced, own, 8)
    kept = float_layers(traced, 8)
    quantized = QuantizedNetwork(traced, PREPROCESSING, qparams, kept)
    expected = expected_outputs(network, given)
    signature = signature_of(shapes, expected)
    content = quantized_file(quantized, FileForm(batch=batch, signature=signature))
    session = session_of(path / "file.tflite", content, signature)
    check_operators(session, INTEGER)
    (found,) = session.outputs(*given)
    (end,) = (node.args[0] for node in traced.graph.nodes if node.op == "output")
    assert tuple(shape_of(end)[1:]) == found.shape[1:]
    return found, expected[0].numpy(), qparams[tensor_name(end)].scale, session


def worst(found, expected, scale):
    return float(np.abs(found - expected).max()) / scale


def check(tmp_path, layer, shape):
    found, expected, scale, session = check_int8(tmp_path, alone(layer), shape)
    assert worst(found, expected, scale) <= LEVELS
    assert isinstance(layer, p.StoredTensor) or {"QUANTIZE", "DEQUANTIZE"} <= set(session.operators())


@pytest.mark.parametrize("name", sorted(MAPS.keys() - NOT_ALONE))
def test_of_maps(tmp_path, name):
    check(tmp_path, MAPS[name], (6, 8, 10))


@pytest.mark.parametrize("name", sorted(OF_ROWS.keys()))
def test_of_rows(tmp_path, name):
    check(tmp_path, OF_ROWS[name], (5, 12))


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - NOT_ALONE - IN_FLOAT.keys()))
def test_functions_of_each_number(tmp_path, name):
    check(tmp_path, FUNCTIONS[name], (6, 8, 10))


@pytest.mark.parametrize("name", sorted(IN_FLOAT))
def test_what_has_no_integer_form_stays_in_float(tmp_path, name):
    found, expected, scale, session = check_int8(tmp_path, alone(FUNCTIONS[name]), (6, 8, 10))
    assert worst(found, expected, scale) <= 0.01
    assert set(session.operators()) == IN_FLOAT[name]


class OfOne(nn.Module):
    """A layer of two tensors, both from one input."""

    def __init__(self, layer):
        super().__init__()
        self.conv, self.linear, self.layer = nn.Conv2d(5, 5, 1), nn.Linear(6, 6), layer

    def forward(self, x):
        return self.layer(self.conv(x), self.linear(x))


@pytest.mark.parametrize(
    "layer",
    [p.Add(), p.Subtract(), p.Multiply(), p.Maximum(), p.Minimum(), p.Concatenate(1), p.MatrixProduct()],
    ids=lambda layer: type(layer).__name__,
)
def test_of_two_tensors(tmp_path, layer):
    torch.manual_seed(0)
    try:
        found, expected, scale, _ = check_int8(tmp_path, OfOne(layer), (5, 6, 6))
    except LoweringError:
        pytest.skip("tensors of several ranges are not joined")
    assert worst(found, expected, scale) <= LEVELS


def test_a_division_is_done_in_float():
    traced = graph_of(OfOne(p.Divide()), (5, 6, 6))
    assert float_layers(traced, 8) == {"layer"}
    assert float_layers(traced, 16) == {"layer"}


def test_16_bits_have_fewer_forms():
    traced = graph_of(nn.Sequential(nn.Conv2d(3, 4, 1), nn.SiLU(), p.Permute((0, 2, 3, 1))), (3, 4, 4))
    assert float_layers(traced, 16) == {"1"}
    assert float_layers(traced, 8) == set()
