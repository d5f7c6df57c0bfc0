"""Each canonical layer in a quantized file computes in ONNX Runtime what the simulation says."""

import numpy as np
import onnxruntime
import pytest
import torch
from quantization.operators.canonical_layers import CASES, quantized
from torch import nn

from micronet_edge.lowering.ir.graph import inputs, results
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.registry import find_target
from micronet_edge_onnx.format import TensorNames
from micronet_edge_onnx.operators import OPERATORS
from micronet_edge_onnx.write import quantized_model

MOST_LEVELS = 1.01
"""Sums of floats in another order may round to the level beside."""


def form_of(case, bits):
    """The case as the target writes it, and its inputs."""
    found, given = quantized(case, bits)
    return find_target("onnx").quantized_graph(found), given


def run(form, given):
    names = TensorNames(
        tuple(f"in{place}" for place, _ in enumerate(inputs(form.network))),
        tuple(f"out{place}" for place, _ in enumerate(results(form.network))),
    )
    model = quantized_model(form, None, names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, dict(zip(names.inputs, (each.numpy() for each in given), strict=True)))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_what_the_simulation_says(case, bits):
    form, given = form_of(case, bits)
    assert all(OPERATORS.writer(node) for node in form.network.graph.nodes if node.op == "call_module")
    with torch.no_grad():
        expected = Simulation(form)(*given).numpy()
    (found,) = run(form, given)
    assert found.shape == expected.shape
    level = max(qparams.scale for qparams in form.tensor_qparams.values())
    tolerance = MOST_LEVELS * level + 1e-4 * np.abs(expected).max()
    assert np.abs(found - expected).max() <= tolerance


def test_what_has_no_integer_operator_stays_in_float():
    (case,) = [case for case in CASES if isinstance(case.layer, nn.ConvTranspose2d)][:1]
    for bits in (8, 16):
        form, _ = form_of(case, bits)
        kinds = {type(form.network.get_submodule(name)) for name in form.float_layers}
        assert nn.ConvTranspose2d in kinds
