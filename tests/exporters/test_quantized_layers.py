"""An integer file of any canonical layer computes what the simulation does, in every target."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from quantization.operators.canonical_layers import CASES, quantized

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.quantization.float_regions import float_operators
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target

MOST_LEVELS = 2.01
"""A target may spell a layer in several operators, each of which rounds."""

FOLDED = {"channel shuffle"}
"""Passes leave none of these to a target."""

NEVER_ALONE = {"stored tensor"}
"""An output that is the same for every sample is of no use."""


def spec_of(inputs, output):
    given = tuple(TensorSpec(f"given{place}", tuple(each.shape[1:])) for place, each in enumerate(inputs))
    signature = Signature(given, (TensorSpec("made", tuple(output.shape[1:])),))
    metadata = FileMetadata("layer", (), Preprocessing.imagenet(32), None, "int8", signature=signature)
    return ExportSpec(32, 1, naive=False, portable=False, metadata=metadata, precision="int8")


@pytest.mark.parametrize("name", ["onnx", "tflite"])
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name not in FOLDED | NEVER_ALONE], ids=lambda case: case.name
)
def test_the_file_is_its_simulation(case, name, tmp_path):
    target = find_target(name)
    form, inputs = quantized(case)
    form = target.quantized_graph(replace(form, float_layers=frozenset(float_operators(form.network))))
    with torch.no_grad():
        expected = Simulation(form)(*inputs).numpy()
    path = tmp_path / f"layer{target.suffix}"
    target.quantize(form, spec_of(inputs, expected), path)
    (found,) = target.open(path).outputs(*(each.numpy() for each in inputs))
    off = np.abs(found - expected) / form.tensor_qparams["layer"].scale
    assert float(off.max()) <= MOST_LEVELS
