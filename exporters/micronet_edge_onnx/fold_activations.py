"""Folds each Dynamic Shift-Max of a finished model into one node, which plain operators define.

The node stands for a function of the model's own, under the same name: a runtime that does not know the node
writes the function out and computes what was there before, one that has our kernels runs them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import fx

from micronet_edge.lowering.freeze_shift_max import RELU6_SPAN, FrozenShiftMax
from micronet_edge.lowering.graph import calls, only_input, shape_of
from micronet_edge_onnx.convert import OPSET

_Message = TypeVar("_Message", onnx.NodeProto, onnx.TensorProto)

DOMAIN, NAME, VERSION = "micronet_edge", "DynamicShiftMax", 1
MOST_FOLDED = 64
"""Activations of a file: NAME0 to NAME63, which our kernels all know. Two functions of one name, which
files of version 10 may hold, are one too many for ONNX Runtime 1.20."""

# What a kernel reads, in this order.
_INPUTS = ("x", "squeeze", "squeeze_bias", "excite", "excite_bias", "offset")
_POOLS = {"GlobalAveragePool", "ReduceMean"}
_ROUNDING = {"QuantizeLinear", "DequantizeLinear"}


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """What the nodes below a path compute.

    Its input has `width` channels, of which `sources` [shifts, channels] are shifted. Its coefficients are
    (clip(excite, 0, span) + offset) * scale, [fusions, shifts, channels], or `by_channel` [channels, fusions,
    shifts].
    """

    path: str
    width: int
    sources: NDArray[np.int64]
    fusions: int
    span: float = RELU6_SPAN
    scale: float = 1.0
    by_channel: bool = False


def activations_of(network: fx.GraphModule) -> list[Activation]:
    """Those of a float network, under the paths that its export gives them."""
    return [
        Activation(
            path=str(node.target).replace(".", "/"),
            width=shape_of(only_input(node))[1],
            sources=np.array(layer.sources),
            fusions=layer.fusions,
            scale=layer.scale,
        )
        for node, layer in calls(network, FrozenShiftMax)
    ]


def fold_activations(model: onnx.ModelProto, activations: Iterable[Activation]) -> None:
    """Makes one node of each activation whose nodes have one input, x, and one result; leaves the others."""
    constants = _constants(model.graph)
    for activation in activations:
        cluster = _cluster(model.graph, activation, constants)
        if cluster is not None and len(model.functions) < MOST_FOLDED:
            _fold(model, activation, cluster)
    if model.functions:
        model.opset_import.append(helper.make_opsetid(DOMAIN, VERSION))
        _drop_unread_constants(model.graph)


@dataclass(frozen=True, slots=True, eq=False)
class _Cluster:
    nodes: list[onnx.NodeProto]
    x: str
    y: str
    squeeze: onnx.NodeProto
    excite: onnx.NodeProto
    offset: str
    means: NDArray[np.int64]


def _constants(graph: onnx.GraphProto) -> frozenset[str]:
    """The tensors that are the same for every image."""
    known = {constant.name for constant in graph.initializer}
    for node in graph.node:
        if known.issuperset(node.input):
            known.update(node.output)
    return frozenset(known)


def _cluster(graph: onnx.GraphProto, activation: Activation, constants: frozenset[str]) -> _Cluster | None:
    below = [node for node in graph.node if node.name.startswith(f"{activation.path}/")]
    inside = [node for node in below if node.op_type not in _ROUNDING and node.output[0] not in constants]
    inside = [*_picking(graph, inside), *inside]
    names = {node.name for node in inside}
    made = {output for node in inside for output in node.output}
    given = {name for node in inside for name in node.input} - made - constants
    read = {name for node in graph.node if node.name not in names for name in node.input}
    results = made & (read | {output.name for output in graph.output})
    products = [node for node in inside if node.op_type == "Gemm"]
    offsets = [constant for node in inside for constant in _added_to_gate(node, inside, constants)]
    if len(given) != 1 or len(results) != 1 or len(products) != 2 or len(offsets) != 1:  # noqa: PLR2004
        return None
    (x,), (y,), (squeeze, excite), (offset,) = given, results, products, offsets
    means = _means(graph, inside, x, activation.width)
    return None if means is None else _Cluster(inside, x, y, squeeze, excite, offset, means)


def _picking(graph: onnx.GraphProto, inside: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """What picks channels for these nodes alone, of a tensor that they read as well: it stands elsewhere."""
    names, read = {node.name for node in inside}, {name for node in inside for name in node.input}
    read_elsewhere = {name for node in graph.node if node.name not in names for name in node.input}
    return [
        node
        for node in graph.node
        if node.op_type == "Gather"
        and node.name not in names
        and read.issuperset((node.input[0], node.output[0]))
        and node.output[0] not in read_elsewhere
    ]


def _means(
    graph: onnx.GraphProto, inside: list[onnx.NodeProto], x: str, width: int
) -> NDArray[np.int64] | None:
    """The channels of x whose means are squeezed, if that can be told."""
    pooled = next((node.input[0] for node in inside if node.op_type in _POOLS), "")
    if pooled == x:
        return np.arange(width)
    stored = {each.name: each for each in graph.initializer}
    for node in inside:
        constants = [numpy_helper.to_array(stored[name]) for name in node.input[1:] if name in stored]
        if node.output[0] != pooled or node.input[0] != x or len(constants) != len(node.input) - 1:
            continue
        if node.op_type == "Gather":
            return constants[0]
        if node.op_type == "Slice":
            return np.arange(*(int(end[0]) for end in constants[:2]))
    return None


def _added_to_gate(
    node: onnx.NodeProto, inside: list[onnx.NodeProto], constants: frozenset[str]
) -> list[str]:
    """The constant that the node adds to the clipped product, if it does."""
    clipped = {each.output[0] for each in inside if each.op_type == "Clip"}
    added = node.op_type == "Add" and clipped.intersection(node.input)
    return [name for name in node.input if name in constants] if added else []


def _fold(model: onnx.ModelProto, activation: Activation, cluster: _Cluster) -> None:
    path, graph, kind = activation.path, model.graph, f"{NAME}{len(model.functions)}"
    excite = _input_by_input(graph, cluster.excite, f"{path}/excite")
    weights = [*cluster.squeeze.input[1:], excite, cluster.excite.input[2], cluster.offset]
    settings: dict[str, int | float | str] = {
        "sources": _in_words(activation.sources),
        "means": _in_words(cluster.means),
        "shifts": len(activation.sources),
        "fusions": activation.fusions,
        "by_channel": int(activation.by_channel),
        "span": float(activation.span),
        "scale": float(activation.scale),
    }
    node = helper.make_node(kind, [cluster.x, *weights], [cluster.y], path, domain=DOMAIN)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in settings.items())
    model.functions.append(_function(graph, kind, cluster, list(settings)))
    _replace(graph, cluster.nodes, node)


def _in_words(channels: NDArray[np.int64]) -> str:
    """A list that the oldest part of ONNX Runtime's interface lets a kernel read."""
    return ",".join(map(str, channels.ravel().tolist()))


def _function(
    graph: onnx.GraphProto, kind: str, cluster: _Cluster, settings: list[str]
) -> onnx.FunctionProto:
    """The cluster's own nodes, with what is small and constant in them."""
    weights = [*cluster.squeeze.input[1:], *cluster.excite.input[1:], cluster.offset]
    names = dict(zip([cluster.x, *weights], _INPUTS, strict=True)) | {cluster.y: "y"}
    stored = {constant.name: constant for constant in graph.initializer}
    inner = {name for node in cluster.nodes for name in node.input if name in stored and name not in names}
    body = [helper.make_node("Constant", [], [name], value=stored[name]) for name in sorted(inner)]
    for node in cluster.nodes:
        body.append(_copied(node))
        body[-1].input[:] = [names.get(name, name) for name in node.input]
        body[-1].output[:] = [names.get(name, name) for name in node.output]
        if node.name == cluster.excite.name:
            kept = [each for each in node.attribute if each.name != "transB"]
            del body[-1].attribute[:]
            body[-1].attribute.extend(kept)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_function(DOMAIN, kind, _INPUTS, ["y"], body, opsets, settings)


def _input_by_input(graph: onnx.GraphProto, product: onnx.NodeProto, name: str) -> str:
    """The product's weight as our kernel reads it, stored once more if it is stored output by output."""
    weight = str(product.input[1])
    if not any(each.name == "transB" and each.i for each in product.attribute):
        return weight
    (stored,) = (each for each in graph.initializer if each.name == weight)
    values = np.ascontiguousarray(numpy_helper.to_array(stored).T)
    graph.initializer.append(numpy_helper.from_array(values, name))
    return name


def _replace(graph: onnx.GraphProto, old: list[onnx.NodeProto], new: onnx.NodeProto) -> None:
    """Puts the new node where the last of the old ones stood."""
    names = {node.name for node in old}
    place = max(place for place, node in enumerate(graph.node) if node.name in names)
    before = [_copied(node) for node in graph.node[:place] if node.name not in names]
    after = [_copied(node) for node in graph.node[place + 1 :]]
    del graph.node[:]
    graph.node.extend([*before, new, *after])


def _drop_unread_constants(graph: onnx.GraphProto) -> None:
    read = {name for node in graph.node for name in node.input}
    kept = [_copied(constant) for constant in graph.initializer if constant.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _copied(message: _Message) -> _Message:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
