"""Networks with any inputs and outputs as files: written, opened, and compared with PyTorch."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.lowering import lower
from micronet_edge.lowering.ir.runs import tensors_in
from micronet_edge.quantization.quantize_network import calibrated_recipe, quantized_by
from micronet_edge.targets.protocol import FLOAT32, ExportSpec
from micronet_edge.targets.registry import find_target, integer_lowering_of

UNREAD = Preprocessing(32, 32)
"""The preprocessing of what takes no images."""


@dataclass(frozen=True)
class Way:
    """How a file is written."""

    target: str
    precision: str = FLOAT32
    batch: int | None = 1

    def __str__(self):
        return f"{self.target} {self.precision}"


def answers(network, samples):
    """What the network gives in PyTorch: one array for each output."""
    with torch.no_grad():
        return tuple(tensor.numpy() for tensor in tensors_in(network(*samples)))


def spec_of(inputs, outputs, way, name="network"):
    """Given the shapes of the inputs and of the outputs, by name."""
    signature = Signature(
        tuple(TensorSpec(name, tuple(shape)) for name, shape in inputs.items()),
        tuple(TensorSpec(name, tuple(shape)) for name, shape in outputs.items()),
    )
    metadata = FileMetadata(name, (), UNREAD, None, way.precision, signature=signature)
    return ExportSpec(
        UNREAD.size, way.batch, naive=False, portable=False, metadata=metadata, precision=way.precision
    )


def written(network, samples, spec, path):
    """Writes the network's file; returns what the file holds, in PyTorch.

    Given    samples [n, ...] of every input, on which integers are calibrated
    """
    target = find_target("onnx" if path.suffix == ".onnx" else "tflite")
    probe = tuple(each[:1] for each in samples)
    if spec.precision == FLOAT32:
        lowered = lower(network, target.pipeline(spec), probe).network
        target.export(lowered, spec, path)
        return lowered
    lowering = integer_lowering_of([target])
    lowered = lower(network, lowering.pipeline(lowering.costs), probe).network
    first, *others = (each.numpy() for each in samples)
    given = CalibrationImages(first, "samples", "", 0, others=tuple(others))
    recipe = calibrated_recipe(lowered, given, spec.metadata, spec.precision, lowering.costs)
    form = target.quantized_graph(quantized_by(recipe, lowered, spec.metadata, target.name))
    target.quantize(form, spec, path)
    return form


class Does(nn.Module):
    """One function of one tensor."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def file_difference(function, given, way, folder):
    """How far a file of the function is off: its answer to the samples [n, ...], as `difference` has it."""
    network, path = Does(function).eval(), folder / f"network.{way.target}"
    expected = answers(network, (given,))
    spec = spec_of({"x": given.shape[1:]}, {"y": expected[0].shape[1:]}, way)
    written(network, (given,), spec, path)
    return difference(opened(path).outputs(given.numpy()), expected)


def opened(path):
    return find_target("onnx" if path.suffix == ".onnx" else "tflite").open(path, kernels="off")


def difference(found, expected):
    """The largest one of all outputs, each relative to its largest number."""
    assert [each.shape for each in found] == [each.shape for each in expected]
    assert all(each.dtype == np.float32 for each in found)
    return max(
        float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30))
        for ours, theirs in zip(found, expected, strict=True)
    )


def decibels(found, expected):
    """The smallest signal-to-noise ratio of all outputs."""
    assert [each.shape for each in found] == [each.shape for each in expected]
    ratios = []
    for ours, theirs in zip(found, expected, strict=True):
        noise = float(np.square(ours - theirs, dtype=np.float64).mean())
        ratios.append(10 * np.log10(max(float(np.square(theirs).mean()), 1e-30) / max(noise, 1e-30)))
    return min(ratios)
