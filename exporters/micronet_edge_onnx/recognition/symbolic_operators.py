"""What an ONNX operator makes of symbolic values: the operators that Dynamic Shift-Max is written in.

Each takes a `Graph` and a node and gives the values of the node's results, None for what has none.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

import numpy as np
import onnx
from numpy.typing import NDArray

from micronet_edge_onnx.recognition.symbolic_graph import (
    MAP_RANK,
    MATRIX_RANK,
    MOST_PLACES,
    Graph,
    Operator,
    Results,
    attributes,
)
from micronet_edge_onnx.recognition.symbolic_moves import (
    move_concat,
    move_flatten,
    move_gather,
    move_pool,
    move_reshape,
    move_slice,
    move_split,
)
from micronet_edge_onnx.recognition.symbolic_values import (
    Coefficients,
    Gate,
    Maps,
    Means,
    Places,
    Squeezed,
    Sums,
    added,
    is_finished,
    largest,
    largest_along,
    matrix_product,
    product,
)


def results_of(graph: Graph, node: onnx.NodeProto) -> Results:
    """The values of what the node gives."""
    operator = OPERATORS.get(node.op_type) if node.domain == "" else None
    return () if operator is None or not node.input else operator(graph, node)


def _gemm(graph: Graph, node: onnx.NodeProto) -> Results:
    settings, value = attributes(node), graph.values.get(node.input[0])
    if len(node.input) != 3 or settings.get("transA", 0) or {"alpha", "beta"} & _changed(settings):  # noqa: PLR2004
        return ()
    weight, bias = (graph.shape(name) for name in node.input[1:])
    if weight is None or len(weight) != MATRIX_RANK:
        return ()
    outputs, inputs = weight if settings.get("transB", 0) else weight[::-1]
    if bias not in ((outputs,), (1, outputs)):
        return ()
    if isinstance(value, Means) and value.places.ndim == MATRIX_RANK and value.places.shape[1] == inputs:
        return _squeezed(graph, node, value)
    if isinstance(value, Squeezed) and value.rectified and value.images * outputs <= MOST_PLACES:
        places = np.arange(value.images * outputs).reshape(value.images, outputs)
        return [Coefficients(Gate(value, node, outputs), places)]
    return ()


def _changed(settings: Mapping[str, object]) -> set[str]:
    return {name for name, value in settings.items() if value != 1.0}


def _squeezed(graph: Graph, node: onnx.NodeProto, value: Means) -> Results:
    shape = graph.shape(value.root)
    means = None if shape is None else of_every_image(value.places, shape[0], shape[1])
    return () if means is None else [Squeezed(value.root, len(value.places), means, node)]


def of_every_image(places: Places, images: int, width: int) -> Places | None:
    """Places [images, ...] as those of one image of `width`, if all images have the same."""
    own = (
        places - np.arange(images).reshape(-1, *[1] * (places.ndim - 1)) * width
        if len(places) == images
        else None
    )
    if own is None or not np.array_equal(own, np.broadcast_to(own[:1], own.shape)):
        return None
    return own[0] if own.size and own.min() >= 0 and own.max() < width else None


def _relu(graph: Graph, node: onnx.NodeProto) -> Results:
    squeezed = graph.value(node.input[0], Squeezed)
    return () if squeezed is None else [replace(squeezed, rectified=True)]


def _clip(graph: Graph, node: onnx.NodeProto) -> Results:
    row, ends = graph.value(node.input[0], Coefficients), [graph.constant(node, place) for place in (1, 2)]
    if row is None or row.gate.span is not None or any(end is None or end.size != 1 for end in ends):
        return ()
    low, high = (float(end.reshape(())) for end in ends if end is not None)
    if low != 0 or high <= 0 or not isfinite(high):
        return ()
    return [Coefficients(replace(row.gate, span=high), row.places)]


def _add(graph: Graph, node: onnx.NodeProto) -> Results:
    one, other = (graph.value(name, Sums) for name in node.input)
    if one is not None and other is not None:
        return [added(one, other)]
    for row_name, constant in (tuple(node.input), tuple(node.input)[::-1]):
        row = graph.value(row_name, Coefficients)
        if row is not None and constant in graph.stored:
            return _offset(row, constant, tuple(graph.stored[constant].dims))
    return ()


def _offset(row: Coefficients, constant: str, shape: tuple[int, ...]) -> Results:
    gate = row.gate
    is_whole = row.places.shape[1:] == (gate.count,) and shape in ((gate.count,), (1, gate.count))
    if (
        not is_whole
        or not np.array_equal(row.places.ravel(), np.arange(row.places.size))
        or gate.span is None
        or gate.offset is not None
    ):
        return ()
    return [Coefficients(replace(gate, offset=constant), row.places)]


def _mul(graph: Graph, node: onnx.NodeProto) -> Results:
    for place in (0, 1):
        row = graph.value(node.input[place], Coefficients)
        if row is None:
            continue
        maps, factor = graph.maps(node.input[1 - place]), graph.constant(node, 1 - place)
        if factor is not None:
            return _scaled(row, factor)
        return () if maps is None else [product(row, maps)]
    return ()


def _scaled(row: Coefficients, factor: NDArray[np.generic]) -> Results:
    if factor.size != 1 or factor.ndim > row.places.ndim or not is_finished(row.gate) or row.gate.scale != 1:
        return ()
    scale = float(factor.reshape(()))
    return [Coefficients(replace(row.gate, scale=scale), row.places)] if isfinite(scale) else ()


def _max(graph: Graph, node: onnx.NodeProto) -> Results:
    several = [value for name in node.input if (value := graph.value(name, Sums)) is not None]
    return [largest(several)] if len(several) == len(node.input) else ()


def _reduce_max(graph: Graph, node: onnx.NodeProto) -> Results:
    sums, settings = graph.value(node.input[0], Sums), attributes(node)
    axes = settings.get("axes")
    if sums is None or len(node.input) != 1 or settings.get("keepdims", 1) != 0:
        return ()
    return [largest_along(sums, axes[0])] if isinstance(axes, list) and len(axes) == 1 else ()


def _matmul(graph: Graph, node: onnx.NodeProto) -> Results:
    matrices, maps = graph.value(node.input[0], Coefficients), graph.value(node.input[1], Maps)
    if matrices is None or maps is None or len(maps.pixels) != 1:
        return ()
    return [matrix_product(matrices, maps)]


def _conv(graph: Graph, node: onnx.NodeProto) -> Results:
    """A convolution of one pixel whose weights are coefficients, one group for each channel of each image."""
    settings, maps = attributes(node), graph.maps(node.input[0])
    weights = graph.value(node.input[1], Coefficients)
    plain = {
        "kernel_shape": [1, 1],
        "strides": [1, 1],
        "dilations": [1, 1],
        "pads": [0] * 4,
        "auto_pad": b"NOTSET",
    }
    if any(settings[name] != value for name, value in plain.items() if name in settings):
        return ()
    if weights is None or maps is None or len(node.input) != 2 or len(maps.pixels) != 2:  # noqa: PLR2004
        return ()
    groups, places = settings.get("group", 1), weights.places
    assert isinstance(groups, int)
    fits = places.ndim == MAP_RANK and places.shape[2:] == (1, 1) and places.shape[0] % groups == 0
    if not fits or maps.places.shape != (1, groups * places.shape[1]):
        return ()
    matrices = weights.moved(places.reshape(groups, -1, places.shape[1]))
    sums = matrix_product(matrices, maps.moved(maps.places.reshape(groups, -1)))
    return [None if sums is None else sums.in_form((1, places.shape[0]), maps.pixels)]


OPERATORS: Mapping[str, Operator] = {
    "Add": _add,
    "Clip": _clip,
    "Concat": move_concat,
    "Conv": _conv,
    "Flatten": move_flatten,
    "Gather": move_gather,
    "Gemm": _gemm,
    "GlobalAveragePool": move_pool,
    "MatMul": _matmul,
    "Max": _max,
    "Mul": _mul,
    "ReduceMax": _reduce_max,
    "ReduceMean": move_pool,
    "Relu": _relu,
    "Reshape": move_reshape,
    "Slice": move_slice,
    "Split": move_split,
}
