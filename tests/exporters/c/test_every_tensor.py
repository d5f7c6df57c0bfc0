"""A generated C file computes every tensor that the simulation computes, in integers to the bit."""

import numpy as np
import pytest
import torch
from exporters.c.every_tensor import run
from exporters.c.networks import IMAGES, METADATA, PIXELS, lowered
from quantization.networks import quantized
from reference.authors import VARIANTS

from micronet_edge.lowering.ir.graph import only_input
from micronet_edge.lowering.ir.watch import Watched
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.simulate import Simulation
from micronet_edge_c.program.buffers import FLOAT, UINT8
from micronet_edge_c.quantized_graph import float_graph, quantized_graph
from micronet_edge_c.write_program import write_program

FLOAT_ERROR = 1e-4


def channels_last(images):
    """The first of the images, as a file takes it."""
    return np.ascontiguousarray(images[0].permute(1, 2, 0).numpy())


def integers(quantized, node, value):
    """The integers of a dequantized tensor."""
    qparams = quantized.qparams(node)
    return (value.double().numpy() / qparams.scale).round().astype(np.int64) + qparams.zero_point


def is_near(found, expected):
    return np.abs(found.ravel() - expected.ravel()).max() <= FLOAT_ERROR * np.abs(expected).max()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_tensor_equals_the_simulation(variant, tmp_path):
    found = quantized_graph(quantized(lowered(variant), given=IMAGES))
    *_, end = found.network.graph.nodes
    with torch.no_grad():
        values = {
            tensor_name(node): integers(found, node, value[0])
            for node, value in Simulation(found).tensors(IMAGES[:1])
            if found.is_integer(node)
        }
    program = write_program(found, UINT8)
    scores_qparams = found.qparams(only_input(end))
    tensors, scores = run(program, channels_last(PIXELS), METADATA, scores_qparams, tmp_path)
    compared = [name for name in tensors if name in values]
    for name in compared:
        assert np.array_equal(tensors[name].ravel(), values[name].ravel()), name
    assert np.array_equal(scores, values[tensor_name(only_input(end))])
    assert len(compared) > 40
    wide = {name for name in compared if tensors[name].dtype == np.int16}
    assert {"features/stem/vertical", "features/block1/depthwise/vertical"} <= wide


def test_every_tensor_in_float_is_near_the_network(tmp_path):
    network, values = lowered("m0"), {}
    watched = Watched(network, lambda node, value: values.update({tensor_name(node): value[0].numpy()}))
    logits = watched(IMAGES[:1])[0].numpy()
    program = write_program(float_graph(network, METADATA.preprocessing), FLOAT)
    tensors, scores = run(program, channels_last(IMAGES), METADATA, None, tmp_path)
    compared = [name for name in tensors if name in values]
    for name in compared:
        assert is_near(tensors[name], values[name]), name
    assert is_near(scores, logits)
    assert len(compared) > 40
