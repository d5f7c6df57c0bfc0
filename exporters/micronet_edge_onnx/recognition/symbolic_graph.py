"""An ONNX graph while its operators are read: constants, types of tensors, and the values known so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from micronet_edge_onnx.recognition.symbolic_values import (
    Maps,
    Value,
)

_Kind = TypeVar("_Kind")

OPEN_BATCH = 2
"""Images that an open number of them is read as: of one, images and channels could be mistaken."""

MOST_PLACES = 1 << 22
MAP_RANK, MATRIX_RANK = 4, 2


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
        if known is not None or shape is None or len(shape) != MAP_RANK or prod(shape[:2]) > MOST_PLACES:
            return known
        return Maps(name, np.arange(prod(shape[:2])).reshape(shape[:2]), shape[2:])


Results = Sequence[Value | None]
Operator = Callable[[Graph, onnx.NodeProto], Results]


def attributes(node: onnx.NodeProto) -> dict[str, object]:
    """The node's attributes by name."""
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}
