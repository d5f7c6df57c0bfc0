"""Folds each Dynamic Shift-Max of a model into one node, which plain operators define.

The node calls a function of the model with the same name. A runtime that does not know the node inlines the
function and computes what was there before; one that has our kernels runs them. The node's attributes are
read off the operators that it replaces, so node and function cannot disagree.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from micronet_edge.models.layer_names import layer_among
from micronet_edge_onnx.format import FILE_VERSION_OF_FUNCTIONS
from micronet_edge_onnx.recognition.find_activations import Activation, find_activations
from micronet_edge_onnx.recognition.symbolic_values import Places

DOMAIN, NAME, VERSION = "micronet_edge", "DynamicShiftMax", 1
MOST_FOLDED = 64
"""Activations of a file: our kernels register NAME0 to NAME63. Overloads of one name, which ONNX has
since version 10 of its files, are unknown to ONNX Runtime 1.20."""

# What a kernel reads, in this order.
_INPUTS = ("x", "squeeze", "squeeze_bias", "excite", "excite_bias", "offset")


def fold_activations(model: onnx.ModelProto, layers: Collection[str] | None = None) -> int:
    """Makes one node of each activation that the model holds in plain operators.

    Args:
        model: Is changed in place.
        layers: The layers that are a Dynamic Shift-Max, where the writer of the model knows them; no other
            is folded. None folds every activation found.

    Returns:
        The number of activations folded.

    Raises what ONNX's shape inference raises on a model that is not valid.
    """
    found = find_activations(model)
    if layers is not None:
        found = [each for each in found if layer_among(layers, _path(model.graph, each.y)) is not None]
    clusters = list(_clusters(model.graph, found))[:MOST_FOLDED]
    if clusters:
        _fold(model, clusters[::-1])
    return len(clusters)


@dataclass(frozen=True, slots=True, eq=False)
class _Cluster:
    """The places of an activation's nodes, and of those among them whose results nothing else reads."""

    activation: Activation
    nodes: list[int]
    own: frozenset[int]


def _clusters(graph: onnx.GraphProto, activations: Sequence[Activation]) -> Iterator[_Cluster]:
    """The activations that are no part of a larger one, each with its nodes."""
    makers = {name: place for place, node in enumerate(graph.node) for name in node.output}
    readers: dict[str, set[int]] = {each.name: {-1} for each in graph.output}
    for place, node in enumerate(graph.node):
        for name in node.input:
            readers.setdefault(name, set()).add(place)
    stored, taken = {each.name for each in graph.initializer}, set[int]()
    for activation in activations:
        nodes = None if makers[activation.y] in taken else _nodes(graph, activation, makers, stored)
        if nodes is None:
            continue
        own = _own(graph, nodes, activation.y, readers)
        taken |= own
        yield _Cluster(activation, sorted(nodes), own)


def _nodes(
    graph: onnx.GraphProto, activation: Activation, makers: dict[str, int], stored: set[str]
) -> set[int] | None:
    """All nodes between x and y; None where something else enters, or a weight is not as kernels read it."""
    if _is_transposed(activation.gate.excite) and activation.gate.excite.input[1] not in stored:
        return None
    ends, nodes, left = {activation.x, *activation.weights}, set[int](), [activation.y]
    while left:
        name = left.pop()
        if name in ends or name in stored:
            continue
        place = makers.get(name)
        if place is None:
            return None
        if place not in nodes:
            nodes.add(place)
            left.extend(graph.node[place].input)
    return nodes


def _own(graph: onnx.GraphProto, nodes: set[int], y: str, readers: dict[str, set[int]]) -> frozenset[int]:
    """Without the nodes whose results are read elsewhere as well, the graph's own outputs included."""
    own = set(nodes)
    for place in sorted(nodes, reverse=True):
        others = (readers.get(name, set()) - own for name in graph.node[place].output if name != y)
        if any(others):
            own.remove(place)
    return frozenset(own)


def _fold(model: onnx.ModelProto, clusters: Sequence[_Cluster]) -> None:
    graph, stored = model.graph, {each.name: each for each in model.graph.initializer}
    (opset,) = (each for each in model.opset_import if each.domain in {"", "ai.onnx"})
    folded: dict[int, onnx.NodeProto] = {}
    for number, cluster in enumerate(clusters):
        node = _node(graph, cluster.activation, f"{NAME}{number}", stored)
        folded[cluster.nodes[-1]] = node
        model.functions.append(_function(graph, cluster, node, stored, opset))
    gone = frozenset().union(*(cluster.own for cluster in clusters))
    kept = [
        folded.get(place, node)
        for place, node in enumerate(graph.node)
        if place in folded or place not in gone
    ]
    _replace(graph, kept)
    if DOMAIN not in {each.domain for each in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(DOMAIN, VERSION))
    model.ir_version = max(model.ir_version, FILE_VERSION_OF_FUNCTIONS)


def _node(
    graph: onnx.GraphProto, activation: Activation, kind: str, stored: dict[str, onnx.TensorProto]
) -> onnx.NodeProto:
    gate, path = activation.gate, _path(graph, activation.y)
    squeeze, squeeze_bias, excite, excite_bias, offset = activation.weights
    excite = _input_by_input(graph, gate.excite, excite, f"{path}/excite/by_input", stored)
    inputs = [activation.x, squeeze, squeeze_bias, excite, excite_bias, offset]
    node = helper.make_node(kind, inputs, [activation.y], path, domain=DOMAIN)
    assert gate.span is not None  # what a finished gate has
    settings: dict[str, int | float | str] = {
        "sources": _as_text(activation.sources),
        "means": _as_text(activation.means),
        "shifts": len(activation.sources),
        "fusions": activation.fusions,
        "by_channel": int(activation.by_channel),
        "span": gate.span,
        "scale": gate.scale,
    }
    node.attribute.extend(helper.make_attribute(name, value) for name, value in settings.items())
    return node


def _path(graph: onnx.GraphProto, y: str) -> str:
    """Where the activation stands, in the layer that it is: the path of the node that gives its result."""
    (name,) = (node.name or y for node in graph.node if y in node.output)
    return name.rpartition("/")[0] or name


def _as_text(channels: Places) -> str:
    """A list as text: the oldest version of ONNX Runtime's interface lets a kernel read no lists."""
    return ",".join(map(str, channels.ravel().tolist()))


def _function(
    graph: onnx.GraphProto,
    cluster: _Cluster,
    node: onnx.NodeProto,
    stored: dict[str, onnx.TensorProto],
    opset: onnx.OperatorSetIdProto,
) -> onnx.FunctionProto:
    """The cluster's own nodes, with what is small and constant in them."""
    activation = cluster.activation
    names = dict(zip([activation.x, *activation.weights], _INPUTS, strict=True)) | {activation.y: "y"}
    nodes = [graph.node[place] for place in cluster.nodes]
    inner = {name for each in nodes for name in each.input if name in stored and name not in names}
    body = [helper.make_node("Constant", [], [name], name, value=stored[name]) for name in sorted(inner)]
    for each in nodes:
        body.append(_copied(each))
        body[-1].input[:] = [names.get(name, name) for name in each.input]
        body[-1].output[:] = [names.get(name, name) for name in each.output]
        if each is activation.gate.excite or each.output == activation.gate.excite.output:
            kept = [attribute for attribute in each.attribute if attribute.name != "transB"]
            del body[-1].attribute[:]
            body[-1].attribute.extend(kept)
    settings = [attribute.name for attribute in node.attribute]
    return helper.make_function(
        DOMAIN,
        node.op_type,
        _INPUTS,
        ["y"],
        body,
        [opset],
        settings,
        doc_string=f"Dynamic Shift-Max of {node.name}",
    )


def _is_transposed(product: onnx.NodeProto) -> bool:
    return any(each.name == "transB" and each.i for each in product.attribute)


def _input_by_input(
    graph: onnx.GraphProto,
    product: onnx.NodeProto,
    weight: str,
    name: str,
    stored: dict[str, onnx.TensorProto],
) -> str:
    """The product's weight as our kernel reads it, stored once more if it is stored output by output."""
    if not _is_transposed(product):
        return weight
    values = np.ascontiguousarray(numpy_helper.to_array(stored[weight]).T)
    graph.initializer.append(numpy_helper.from_array(values, name))
    return name


def _replace(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    """Gives the graph these nodes, and of its constants those that they read."""
    copies = [_copied(node) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    read = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
    for place in reversed(range(len(graph.initializer))):
        if graph.initializer[place].name not in read:
            del graph.initializer[place]


def _copied(node: onnx.NodeProto) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    return copy
