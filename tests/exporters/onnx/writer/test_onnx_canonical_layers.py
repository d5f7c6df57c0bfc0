"""Each canonical layer, written alone, computes in ONNX Runtime what PyTorch does."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from exporters.onnx.writer.canonical_layers import LAYERS, samples_of
from exporters.onnx.writer.graphs import alone

from micronet_edge_onnx.counting.count import count_file
from micronet_edge_onnx.format import TensorNames
from micronet_edge_onnx.operators import ONNXRUNTIME, OPERATORS, PORTABLE
from micronet_edge_onnx.write import float_model, is_writable

TOLERANCE = 1e-5
"""Of the largest number: the same sums of float32 in another order."""


def model_of(name, batch, *, gathers=True):
    layer, *shapes = LAYERS[name]
    network = alone(layer, *samples_of(name, 1))
    assert is_writable(network)
    names = TensorNames(tuple(f"x{place}" for place in range(len(shapes))), ("y",))
    return float_model(network, batch, names, gathers=gathers)


def run(model, samples):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    feed = {given.name: each.numpy() for given, each in zip(session.get_inputs(), samples, strict=True)}
    (result,) = session.run(None, feed)
    return result


@pytest.mark.parametrize("batch", [1, 3, None])
@pytest.mark.parametrize("name", LAYERS)
def test_it_is_what_torch_computes(name, batch):
    model = model_of(name, batch)
    for count in (batch,) if batch else (1, 3):
        samples = samples_of(name, count)
        with torch.no_grad():
            expected = LAYERS[name][0](*samples).numpy()
        found = run(model, samples)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("name", LAYERS)
def test_a_portable_file_has_only_what_every_runtime_has(name):
    model = model_of(name, None, gathers=False)
    assert {node.op_type for node in model.graph.node} <= OPERATORS.allowed(PORTABLE)
    samples = samples_of(name, 2)
    with torch.no_grad():
        expected = LAYERS[name][0](*samples).numpy()
    assert np.abs(run(model, samples) - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("name", LAYERS)
def test_all_of_it_is_allowed_and_counted(name, tmp_path):
    for batch in (1, None):
        model = model_of(name, batch)
        kinds = {node.op_type for node in model.graph.node}
        assert kinds <= OPERATORS.allowed(PORTABLE) | OPERATORS.allowed(ONNXRUNTIME)
        onnx.save(model, tmp_path / "model.onnx")
        assert count_file(tmp_path / "model.onnx").uncounted == {}
