"""Finds each Dynamic Shift-Max of a plain ONNX graph by what its operators compute, whatever their names."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, shape_inference

from micronet_edge_onnx.recognition.symbolic_graph import Graph
from micronet_edge_onnx.recognition.symbolic_operators import of_every_image, results_of
from micronet_edge_onnx.recognition.symbolic_values import Gate, Places, Sums, is_finished

_MOST_PIXELS = 1 << 24
_MOST_CHANNELS = 1 << 16
_MOST_TERMS = 1 << 15
"""Limits of our kernels."""


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """What the nodes between the tensors x and y compute.

    x has channels of which `sources` [shifts, channels] are shifted; the means of its channels `means` are
    squeezed. The coefficients are (clip(excite, 0, span) + offset) * scale, [fusions, shifts, channels], or
    `by_channel` [channels, fusions, shifts].
    """

    x: str
    y: str
    means: Places
    sources: Places
    fusions: int
    by_channel: bool
    gate: Gate

    @property
    def squeeze(self) -> onnx.NodeProto:
        """The Gemm that gives the squeezed row."""
        return self.gate.squeezed.squeeze

    @property
    def weights(self) -> tuple[str, ...]:
        """The tensors that the coefficients are made with, those of the squeeze first."""
        assert self.gate.offset is not None  # what a finished gate has
        return (*self.squeeze.input[1:], *self.gate.excite.input[1:], self.gate.offset)


def find_activations(model: onnx.ModelProto) -> list[Activation]:
    """All tensors that are a Dynamic Shift-Max of another one, last ones first.

    They include the sums inside of one with several fusions. Raises what shape inference raises.
    """
    graph = _graph(model)
    found = []
    for node in model.graph.node:
        for name, value in zip(node.output, results_of(graph, node), strict=False):
            if value is not None:
                graph.values[name] = value
                found.append(_activation(graph, name, value) if isinstance(value, Sums) else None)
    return [activation for activation in reversed(found) if activation is not None]


def _graph(model: onnx.ModelProto) -> Graph:
    inferred = shape_inference.infer_shapes(_without_weights(model)).graph
    types = {each.name: each.type.tensor_type for each in (*inferred.value_info, *inferred.input)}
    return Graph({each.name: each for each in model.graph.initializer}, types, {})


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model for shape inference: without weights, which it copies, and without shapes noted before."""
    bare, graph = onnx.ModelProto(ir_version=model.ir_version), model.graph
    bare.opset_import.extend(model.opset_import)
    bare.graph.node.extend(graph.node)
    bare.graph.input.extend(graph.input)
    for each in graph.initializer:
        if each.data_type == onnx.TensorProto.INT64:  # perhaps a shape
            bare.graph.initializer.append(each)
        else:
            weight = helper.make_tensor_value_info(each.name, each.data_type, list(each.dims))
            bare.graph.input.append(weight)
    return bare


def _activation(graph: Graph, y: str, sums: Sums) -> Activation | None:
    shape, gate = graph.shape(sums.root), sums.gate
    if shape is None or sums.root != gate.squeezed.root or not is_finished(gate):
        return None
    images, width, height, breadth = shape
    if sums.pixels != (height, breadth) or len(sums.form) != 2 or sums.form[0] != images:  # noqa: PLR2004
        return None
    fusions, shifts = sums.sources.shape[:2]
    sources = of_every_image(np.moveaxis(sums.sources, 2, 0), images, width)
    coefficients = of_every_image(np.moveaxis(sums.coefficients, 2, 0), images, gate.count)
    if sources is None or coefficients is None or (sources != sources[:1]).any():
        return None
    by_channel = _is_by_channel(coefficients, gate.count)
    counts = (
        height * breadth <= _MOST_PIXELS and width < _MOST_CHANNELS and max(fusions, shifts) < _MOST_TERMS
    )
    if by_channel is None or not counts or not _is_output_by_output(gate.squeezed.squeeze):
        return None
    return Activation(sums.root, y, gate.squeezed.means, sources[0], fusions, by_channel, gate)


def _is_by_channel(coefficients: Places, count: int) -> bool | None:
    """How coefficients [fusions, shifts, channels] lie in their row; None if they lie in another way."""
    order = np.arange(count)
    if np.array_equal(coefficients.ravel(), order):
        return False
    return True if np.array_equal(np.moveaxis(coefficients, -1, 0).ravel(), order) else None


def _is_output_by_output(squeeze: onnx.NodeProto) -> bool:
    return any(each.name == "transB" and each.i == 1 for each in squeeze.attribute)
