"""What an ONNX operator makes of symbolic values: the operators that Dynamic Shift-Max is written in.

Each takes a `Graph` and a node and gives the values of the node's results, None for what has none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, prod
from typing import TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from micronet_edge_onnx.recognition.symbolic_values import (
    Coefficients,
    Gate,
    Maps,
    Means,
    Places,
    Squeezed,
    Sums,
    Value,
    added,
    is_finished,
    largest,
    largest_along,
    matrix_product,
    product,
    split_shape,
)

_Kind = TypeVar("_Kind")

OPEN_BATCH = 2
"""Images that an open number of them is read as: of one, images and channels could be mistaken."""

_MOST_PLACES = 1 << 22
_MAP_RANK, _MATRIX_RANK = 4, 2


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph's constants, the types of its tensors and the values that are known."""

    stored: Mapping[str, TensorProto]
    types: Mapping[str, onnx.TypeProto.Tensor]
    values: dict[str, Value]

    def constant(self, node: onnx.NodeProto, place: int) -> NDArray[np.generic] | None:
        """The numbers of an input that the file stores."""
        tensor = self.stored.get(node.input[place]) if place < len(node.input) else None
        return None if tensor is None else numpy_helper.to_array(tensor)

    def integers(self, node: onnx.NodeProto, place: int) -> list[int] | None:
        """A stored row of whole numbers."""
        values = self.constant(node, place)
        if values is None or values.ndim != 1 or values.dtype.kind != "i":
            return None
        return [int(value) for value in values]

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The sides of a float32 tensor; an open number of images is read as `OPEN_BATCH`."""
        if name in self.stored:
            return tuple(self.stored[name].dims)
        kind = self.types.get(name)
        if kind is None or kind.elem_type != TensorProto.FLOAT or not kind.HasField("shape"):
            return None
        sides = [side.dim_value for side in kind.shape.dim]
        if sides and not kind.shape.dim[0].HasField("dim_value"):
            sides[0] = OPEN_BATCH
        return tuple(sides) if all(side > 0 for side in sides) else None

    def value(self, name: str, kind: type[_Kind]) -> _Kind | None:
        """The value of a tensor, if it is one of that kind."""
        value = self.values.get(name)
        return value if isinstance(value, kind) else None

    def maps(self, name: str) -> Maps | None:
        """The tensor as maps: of another tensor, or its own."""
        known = self.value(name, Maps)
        shape = self.shape(name)
        if known is not None or shape is None or len(shape) != _MAP_RANK or prod(shape[:2]) > _MOST_PLACES:
            return known
        return Maps(name, np.arange(prod(shape[:2])).reshape(shape[:2]), shape[2:])


Results = Sequence[Value | None]
Operator = Callable[[Graph, onnx.NodeProto], Results]


def results_of(graph: Graph, node: onnx.NodeProto) -> Results:
    """The values of what the node gives."""
    operator = OPERATORS.get(node.op_type) if node.domain == "" else None
    return () if operator is None or not node.input else operator(graph, node)


def _attributes(node: onnx.NodeProto) -> dict[str, object]:
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def _moved(graph: Graph, name: str) -> Maps | Means | Coefficients | None:
    """The value of a tensor whose places may be moved."""
    value = graph.values.get(name)
    return value if isinstance(value, Maps | Means | Coefficients) else graph.maps(name)


def _gather(graph: Graph, node: onnx.NodeProto) -> Results:
    maps, index = graph.maps(node.input[0]), graph.integers(node, 1)
    if (
        maps is None
        or index is None
        or _attributes(node).get("axis") != 1
        or maps.places.ndim != _MATRIX_RANK
    ):
        return ()
    if not index or min(index) < 0 or max(index) >= maps.places.shape[1]:
        return ()
    return [maps.moved(maps.places[:, index])]


def _slice(graph: Graph, node: onnx.NodeProto) -> Results:
    value = _moved(graph, node.input[0])
    starts, ends, axes = (graph.integers(node, place) for place in (1, 2, 3))
    steps = graph.integers(node, 4) if len(node.input) > 4 else [1]  # noqa: PLR2004 - the last input
    if value is None or axes != [1] or value.places.ndim < _MATRIX_RANK:
        return ()
    if starts is None or ends is None or steps is None or not len(starts) == len(ends) == len(steps) == 1:
        return ()
    if steps[0] < 1:
        return ()
    places = value.places[:, starts[0] : ends[0] : steps[0]]
    return [value.moved(places)] if places.size else ()


def _split(graph: Graph, node: onnx.NodeProto) -> Results:
    value, sizes = _moved(graph, node.input[0]), graph.integers(node, 1)
    if (
        value is None
        or sizes is None
        or _attributes(node).get("axis") != 1
        or value.places.ndim < _MATRIX_RANK
    ):
        return ()
    if min(sizes, default=0) < 1 or sum(sizes) != value.places.shape[1] or len(sizes) != len(node.output):
        return ()
    return [value.moved(part) for part in np.split(value.places, np.cumsum(sizes)[:-1], axis=1)]


def _concat(graph: Graph, node: onnx.NodeProto) -> Results:
    pieces = [graph.maps(name) for name in node.input]
    maps = [piece for piece in pieces if piece is not None and piece.places.ndim == _MATRIX_RANK]
    if _attributes(node).get("axis") != 1 or len(maps) < len(node.input):
        return ()
    if len({(piece.root, piece.pixels, len(piece.places)) for piece in maps}) != 1:
        return ()
    return [maps[0].moved(np.concatenate([piece.places for piece in maps], axis=1))]


def _pool(graph: Graph, node: onnx.NodeProto) -> Results:
    maps, reduces = graph.maps(node.input[0]), node.op_type == "ReduceMean"
    if maps is None or maps.places.ndim != _MATRIX_RANK or len(maps.pixels) != _MATRIX_RANK:
        return ()
    settings = _attributes(node)
    if reduces and (settings.get("axes") not in ([2, 3], [-2, -1]) or len(node.input) > 1):
        return ()
    flat = reduces and settings.get("keepdims", 1) == 0
    return [Means(maps.root, maps.places if flat else maps.places[:, :, None, None])]


def _flatten(graph: Graph, node: onnx.NodeProto) -> Results:
    value = graph.values.get(node.input[0])
    if not isinstance(value, Means | Coefficients) or _attributes(node).get("axis", 1) != 1:
        return ()
    return [value.moved(value.places.reshape(len(value.places), -1))]


def _reshape(graph: Graph, node: onnx.NodeProto) -> Results:
    value, target = graph.values.get(node.input[0]) or graph.maps(node.input[0]), graph.integers(node, 1)
    if (
        target is None
        or value is None
        or isinstance(value, Squeezed)
        or _attributes(node).get("allowzero", 0)
    ):
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


def _gemm(graph: Graph, node: onnx.NodeProto) -> Results:
    settings, value = _attributes(node), graph.values.get(node.input[0])
    if len(node.input) != 3 or settings.get("transA", 0) or {"alpha", "beta"} & _changed(settings):  # noqa: PLR2004
        return ()
    weight, bias = (graph.shape(name) for name in node.input[1:])
    if weight is None or len(weight) != _MATRIX_RANK:
        return ()
    outputs, inputs = weight if settings.get("transB", 0) else weight[::-1]
    if bias not in ((outputs,), (1, outputs)):
        return ()
    if isinstance(value, Means) and value.places.ndim == _MATRIX_RANK and value.places.shape[1] == inputs:
        return _squeezed(graph, node, value)
    if isinstance(value, Squeezed) and value.rectified and value.images * outputs <= _MOST_PLACES:
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
    sums, settings = graph.value(node.input[0], Sums), _attributes(node)
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
    settings, maps = _attributes(node), graph.maps(node.input[0])
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
    fits = places.ndim == _MAP_RANK and places.shape[2:] == (1, 1) and places.shape[0] % groups == 0
    if not fits or maps.places.shape != (1, groups * places.shape[1]):
        return ()
    matrices = weights.moved(places.reshape(groups, -1, places.shape[1]))
    sums = matrix_product(matrices, maps.moved(maps.places.reshape(groups, -1)))
    return [None if sums is None else sums.in_form((1, places.shape[0]), maps.pixels)]


OPERATORS: Mapping[str, Operator] = {
    "Add": _add,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": _pool,
    "MatMul": _matmul,
    "Max": _max,
    "Mul": _mul,
    "ReduceMax": _reduce_max,
    "ReduceMean": _pool,
    "Relu": _relu,
    "Reshape": _reshape,
    "Slice": _slice,
    "Split": _split,
}
