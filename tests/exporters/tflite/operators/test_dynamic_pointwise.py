"""Saturation alone clips the coefficients of a dynamic pointwise weight; compared products stay rows."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from quantization.networks import traced
from torch import nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.ir.primitives import DynamicPointwise, DynamicPointwiseWeight, Maximum
from micronet_edge.quantization.qparams import symmetric_qparams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge_tflite.operators.dynamic_pointwise import compares_products, is_only_compared
from micronet_edge_tflite.writer.coefficients import coefficient_qparams, is_coefficient

SOURCES = ((0, 1, 2), (1, 2, 0))


class Fusion(nn.Module):
    """Fusions of a tensor by matrices; the second may be read once more, by a sum."""

    def __init__(self, low=-1.0, high=3.0, *, again=False):
        super().__init__()
        self.mean, self.excite = nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 3, 1)
        self.clip, self.matrix, self.first, self.second = (
            nn.Hardtanh(low, high),
            DynamicPointwiseWeight(SOURCES, 3),
            DynamicPointwise(),
            DynamicPointwise(),
        )
        self.largest, self.again = Maximum(), again

    def forward(self, x):
        coefficient = self.clip(self.excite(self.mean(x)))
        matrix = self.matrix(coefficient, coefficient)
        one, other = self.first(x, matrix), self.second(x, matrix)
        largest = self.largest(one, other)
        return largest + other if self.again else largest


def nodes(network):
    return {tensor_name(node): node for node in network.graph.nodes}


@given(
    low=st.floats(-3.0, 0.0),
    span=st.floats(0.1, 4.0),
    reach=st.floats(0.5, 4.0),
    bits=st.sampled_from([8]),
)
def test_two_saturations_are_the_clip(low, span, reach, bits):
    high = max(low + span, 0.0)
    network = traced(Fusion(low, high))
    matrix = symmetric_qparams(-reach, reach, bits)
    quantized = QuantizedNetwork(network, Preprocessing.imagenet(8), {"clip": matrix})
    computed, placed = coefficient_qparams(nodes(network)["clip"], quantized)
    assert computed.scale == placed.scale == matrix.scale
    values = np.linspace(-6, 6, 2001).astype(np.float32)
    steps = (computed.integers(values) - computed.zero_point).clip(
        placed.lowest - placed.zero_point, placed.highest - placed.zero_point
    )
    ends = matrix.integers(np.array([low, high], np.float32))
    assert np.array_equal(steps, matrix.integers(values).clip(*ends))
    assert placed.low <= 0 <= placed.high  # what stands at the other places


def test_16_bits_keep_their_quantization_parameters():
    network = traced(Fusion())
    matrix = symmetric_qparams(-3.0, 3.0, 16)
    quantized = QuantizedNetwork(network, Preprocessing.imagenet(8), {"clip": matrix})
    assert coefficient_qparams(nodes(network)["clip"], quantized) == (matrix, matrix)


def test_which_layers_these_are():
    found = nodes(traced(Fusion()))
    assert [name for name, node in found.items() if is_coefficient(node)] == ["excite", "clip"]
    assert [name for name, node in found.items() if is_only_compared(node)] == ["first", "second"]
    assert [name for name, node in found.items() if compares_products(node)] == ["largest"]


def test_a_product_that_others_read_has_the_shape_of_a_map():
    found = nodes(traced(Fusion(again=True)))
    assert [name for name, node in found.items() if is_only_compared(node)] == ["first"]
    assert torch.is_tensor(traced(Fusion(again=True))(torch.zeros(1, 3, 8, 8)))
