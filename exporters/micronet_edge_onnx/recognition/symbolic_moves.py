"""What ONNX operators that move numbers make of symbolic values: each moves the places of what it moves."""

from math import prod

import numpy as np
import onnx

from micronet_edge_onnx.recognition.symbolic_graph import (
    MATRIX_RANK,
    Graph,
    Results,
    attributes,
)
from micronet_edge_onnx.recognition.symbolic_values import (
    Coefficients,
    Maps,
    Means,
    Squeezed,
    Sums,
    split_shape,
)


def _moved(graph: Graph, name: str) -> Maps | Means | Coefficients | None:
    """The value of a tensor whose places may be moved."""
    value = graph.values.get(name)
    return value if isinstance(value, Maps | Means | Coefficients) else graph.maps(name)


def move_gather(graph: Graph, node: onnx.NodeProto) -> Results:
    maps, index = graph.maps(node.input[0]), graph.integers(node, 1)
    if maps is None or index is None or attributes(node).get("axis") != 1 or maps.places.ndim != MATRIX_RANK:
        return ()
    if not index or min(index) < 0 or max(index) >= maps.places.shape[1]:
        return ()
    return [maps.moved(maps.places[:, index])]


def move_slice(graph: Graph, node: onnx.NodeProto) -> Results:
    value = _moved(graph, node.input[0])
    starts, ends, axes = (graph.integers(node, place) for place in (1, 2, 3))
    steps = graph.integers(node, 4) if len(node.input) > 4 else [1]  # noqa: PLR2004 - the last input
    if value is None or axes != [1] or value.places.ndim < MATRIX_RANK:
        return ()
    if starts is None or ends is None or steps is None or not len(starts) == len(ends) == len(steps) == 1:
        return ()
    if steps[0] < 1:
        return ()
    places = value.places[:, starts[0] : ends[0] : steps[0]]
    return [value.moved(places)] if places.size else ()


def move_split(graph: Graph, node: onnx.NodeProto) -> Results:
    value, sizes = _moved(graph, node.input[0]), graph.integers(node, 1)
    if value is None or sizes is None or attributes(node).get("axis") != 1 or value.places.ndim < MATRIX_RANK:
        return ()
    if min(sizes, default=0) < 1 or sum(sizes) != value.places.shape[1] or len(sizes) != len(node.output):
        return ()
    return [value.moved(part) for part in np.split(value.places, np.cumsum(sizes)[:-1], axis=1)]


def move_concat(graph: Graph, node: onnx.NodeProto) -> Results:
    pieces = [graph.maps(name) for name in node.input]
    maps = [piece for piece in pieces if piece is not None and piece.places.ndim == MATRIX_RANK]
    if attributes(node).get("axis") != 1 or len(maps) < len(node.input):
        return ()
    if len({(piece.root, piece.pixels, len(piece.places)) for piece in maps}) != 1:
        return ()
    return [maps[0].moved(np.concatenate([piece.places for piece in maps], axis=1))]


def move_pool(graph: Graph, node: onnx.NodeProto) -> Results:
    maps, reduces = graph.maps(node.input[0]), node.op_type == "ReduceMean"
    if maps is None or maps.places.ndim != MATRIX_RANK or len(maps.pixels) != MATRIX_RANK:
        return ()
    settings = attributes(node)
    if reduces and (settings.get("axes") not in ([2, 3], [-2, -1]) or len(node.input) > 1):
        return ()
    flat = reduces and settings.get("keepdims", 1) == 0
    return [Means(maps.root, maps.places if flat else maps.places[:, :, None, None])]


def move_flatten(graph: Graph, node: onnx.NodeProto) -> Results:
    value = graph.values.get(node.input[0])
    if not isinstance(value, Means | Coefficients) or attributes(node).get("axis", 1) != 1:
        return ()
    return [value.moved(value.places.reshape(len(value.places), -1))]


def move_reshape(graph: Graph, node: onnx.NodeProto) -> Results:
    value, target = graph.values.get(node.input[0]) or graph.maps(node.input[0]), graph.integers(node, 1)
    if target is None or value is None or isinstance(value, Squeezed) or attributes(node).get("allowzero", 0):
        return ()
    if isinstance(value, Means | Coefficients):
        shape = _reshaped(value.places.shape, target)
        return () if shape is None else [value.moved(value.places.reshape(shape))]
    form = value.form if isinstance(value, Sums) else value.places.shape
    shape = _reshaped((*form, *value.pixels), target)
    parts = None if shape is None else split_shape(shape, prod(form), prod(value.pixels))
    if parts is None:
        return ()
    if isinstance(value, Sums):
        return [value.in_form(*parts)]
    return [Maps(value.root, value.places.reshape(parts[0]), parts[1])]


def _reshaped(shape: tuple[int, ...], target: list[int]) -> tuple[int, ...] | None:
    if any(side == 0 and axis >= len(shape) for axis, side in enumerate(target)) or target.count(-1) > 1:
        return None
    sides = [shape[axis] if side == 0 else side for axis, side in enumerate(target)]
    known = prod(side for side in sides if side != -1)
    if known < 1 or prod(shape) % known:
        return None
    whole = tuple(prod(shape) // known if side == -1 else side for side in sides)
    return whole if min(whole, default=0) > 0 and prod(whole) == prod(shape) else None
