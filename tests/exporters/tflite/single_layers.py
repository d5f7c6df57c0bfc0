"""Networks of single layers as TFLite files: traced with their shapes, written, run in LiteRT."""

import numpy as np
import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge_tflite.network_file import FileForm, float_file, is_writable
from micronet_edge_tflite.operators import OPERATORS
from micronet_edge_tflite.session import TfliteSession

PREPROCESSING = Preprocessing.imagenet(8)
SAME = 1e-5
"""Largest difference from PyTorch, relative to the largest number: what float32 rounds in one layer."""


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module, qualified_name):
        ours = type(module).__module__.startswith("micronet_edge")
        return ours or super().is_leaf_module(module, qualified_name)


def graph_of(network, *shapes):
    """The network's graph, with its shapes for one sample and the axis of the samples."""
    traced = fx.GraphModule(network.eval(), _Tracer().trace(network))
    found = []
    for count in (2, 1):
        ShapeProp(traced).propagate(*(torch.zeros(count, *shape) for shape in shapes))
        found.append({node: shape_of(node) for node in traced.graph.nodes})
    for node, shape in found[1].items():
        axes = [axis for axis, side in enumerate(shape) if side != found[0][node][axis]]
        node.meta["batch_axis"] = axes[0] if axes else None
    return traced


def signature_of(shapes, outputs):
    given = tuple(TensorSpec(f"given_{place}", tuple(shape)) for place, shape in enumerate(shapes))
    made = tuple(TensorSpec(f"made_{place}", tuple(each.shape[1:])) for place, each in enumerate(outputs))
    return Signature(given, made)


def samples(count, shapes, scale=2.0):
    random = np.random.default_rng(0)
    return [random.standard_normal((count, *shape)).astype(np.float32) * scale for shape in shapes]


def expected_outputs(network, given):
    with torch.no_grad():
        outputs = network(*map(torch.from_numpy, given))
    return list(outputs) if isinstance(outputs, tuple | list) else [outputs]


def session_of(path, content, signature, names=()):
    path.write_bytes(content)
    metadata = FileMetadata("test", tuple(names), PREPROCESSING, None, "float32", signature=signature)
    return TfliteSession(path, 1, metadata=metadata)


def check_float(path, network, *shapes, batch=1, given=None):
    """Writes the network, compares LiteRT's outputs with PyTorch's, and gives the open file."""
    traced = graph_of(network, *shapes)
    assert is_writable(traced)
    given = samples(2 * batch - 1, shapes) if given is None else given
    expected = expected_outputs(network, given)
    signature = signature_of(shapes, expected)
    content = float_file(traced, PREPROCESSING, FileForm(batch=batch, signature=signature))
    session = session_of(path / "file.tflite", content, signature)
    check_operators(session, "float32")
    found = session.outputs(*given)
    assert [each.shape for each in found] == [tuple(each.shape) for each in expected]
    for ours, theirs in zip(found, expected, strict=True):
        largest = float(theirs.abs().max())
        assert np.abs(ours - theirs.numpy()).max() <= SAME * max(largest, 1e-30)
    return session


def check_operators(session, kind):
    """Files of that kind may have all operators, and all are counted."""
    operators = set(session.operators())
    assert operators <= OPERATORS.allowed(kind)
    assert all(OPERATORS.formula(name) is not None for name in operators)


def alone(layer, *readers):
    """The layer as a network, with others behind it."""
    return nn.Sequential(layer, *readers) if readers else _Alone(layer)


class _Alone(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, given):
        return self.layer(given)


class Joined(nn.Module):
    """A layer of two tensors that the network is given."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, y):
        return self.layer(x, y)
