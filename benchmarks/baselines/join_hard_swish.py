"""Fuses decomposed hard swishes of an ONNX model."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

_LIFT, _SPAN = 3.0, 6.0


def join_hard_swishes(model: onnx.ModelProto) -> int:
    """Replaces four operators by one, in place; returns the number of replacements.

    Given    x -> Add 3 -> Clip 0..6 -> Mul x -> Mul 1/6, in float
    Result   x -> HardSwish, which ONNX Runtime fuses into the convolution before it
    """
    graph = _Graph.of(model)
    places = 0
    for lift in [node for node in model.graph.node if node.op_type == "Add"]:
        operators = graph.operators_from(lift)
        if operators is None:
            continue
        *_, last = operators
        x = graph.computed(lift)[0]
        joined = helper.make_node("HardSwish", [x], list(last.output), last.name)
        model.graph.node.insert(list(model.graph.node).index(lift), joined)
        for operator in operators:
            model.graph.node.remove(operator)
        places += 1
    _drop_unread_constants(model)
    return places


@dataclass(frozen=True, slots=True)
class _Graph:
    """The consumers of each tensor, and the scalar constants."""

    readers: dict[str, list[onnx.NodeProto]]
    numbers: dict[str, float]
    constants: frozenset[str]

    @classmethod
    def of(cls, model: onnx.ModelProto) -> "_Graph":
        readers: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            for name in node.input:
                readers.setdefault(name, []).append(node)
        constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
        return cls(
            readers,
            {name: float(values.ravel()[0]) for name, values in constants.items() if values.size == 1},
            frozenset(constants),
        )

    def computed(self, node: onnx.NodeProto) -> list[str]:
        """The node's inputs that are not constants."""
        return [name for name in node.input if name not in self.constants]

    def operators_from(self, lift: onnx.NodeProto) -> list[onnx.NodeProto] | None:
        """The four operators that start with `lift`; None if they are not a hard swish."""
        clip = self._only_reader(lift)
        product = self._only_reader(clip)
        sixth = self._only_reader(product)
        if clip is None or product is None or sixth is None:
            return None
        fits = (
            self._computes(lift, "Add", _LIFT)
            and self._computes(clip, "Clip", 0.0, _SPAN)
            and self._computes(sixth, "Mul", 1 / _SPAN)
            and product.op_type == "Mul"
            and set(product.input) == {self.computed(lift)[0], clip.output[0]}
        )
        return [lift, clip, product, sixth] if fits else None

    def _only_reader(self, node: onnx.NodeProto | None) -> onnx.NodeProto | None:
        readers = [] if node is None else self.readers.get(node.output[0], [])
        return readers[0] if len(readers) == 1 else None

    def _computes(self, node: onnx.NodeProto, kind: str, *numbers: float) -> bool:
        found = [self.numbers[name] for name in node.input if name in self.numbers]
        one_tensor = len(self.computed(node)) == 1
        return (
            node.op_type == kind and one_tensor and len(found) == len(numbers) and np.allclose(found, numbers)
        )


def _drop_unread_constants(model: onnx.ModelProto) -> None:
    read = {name for node in model.graph.node for name in node.input}
    for constant in [each for each in model.graph.initializer if each.name not in read]:
        model.graph.initializer.remove(constant)
