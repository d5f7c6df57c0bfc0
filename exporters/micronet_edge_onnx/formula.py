"""What an operator of the format computes, for counting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx

from micronet_edge.counting import arithmetic
from micronet_edge.counting.arithmetic import MOVEMENT
from micronet_edge.counting.graph import Arithmetic, Tensor

Compute = Callable[[onnx.NodeProto, Sequence[Tensor], Tensor], Arithmetic]


@dataclass(frozen=True, slots=True)
class Formula:
    """The arithmetic of an operator, from its node, its inputs and its first result; None moves numbers.

    `data` are the places of the inputs that are numbers of the network, where not all are: no shapes,
    bounds, scales or indices.
    """

    compute: Compute | None
    data: tuple[int, ...] | None = None

    def arithmetic(
        self, node: onnx.NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> Arithmetic | None:
        """What the operator computes; None where a shape is not known."""
        if self.compute is None:
            return MOVEMENT
        if any(tensor.shape is None for tensor in (*inputs, *outputs) if tensor.name):
            return None
        return self.compute(node, inputs, outputs[0])

    def data_inputs(self, inputs: Sequence[Tensor]) -> set[int]:
        """The places of the inputs that are numbers of the network.

        A constant that is only moved is none of its weights.
        """
        if self.compute is None:
            return {place for place, tensor in enumerate(inputs) if tensor.stored is None}
        return set(range(len(inputs)) if self.data is None else self.data)


MOVES = Formula(None)
"""Copies or renames numbers."""


def elementwise(operations: int, data: tuple[int, ...] | None = None) -> Formula:
    """So many operations for each element of the result."""
    return Formula(lambda _node, _inputs, result: arithmetic.elementwise(result, operations), data)


def several(_node: onnx.NodeProto, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    """One operation for each element of every input but the first."""
    return arithmetic.elementwise(result, len(inputs) - 1)


def reduction(_node: onnx.NodeProto, inputs: Sequence[Tensor], _result: Tensor) -> Arithmetic:
    """A sum, or the largest or smallest: every element is taken in once."""
    return arithmetic.reduction(inputs[0])


def mean(_node: onnx.NodeProto, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    """A sum, and one multiplication for each element of the result."""
    return arithmetic.mean(inputs[0], result)


def convolution(weight: int) -> Compute:
    """A convolution of any kind; `weight` is the place of its weight among the inputs."""
    return lambda _node, inputs, result: arithmetic.convolution(result, inputs[weight])


def matrix_product(node: onnx.NodeProto, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    """A product of matrices, the first of which a Gemm may transpose."""
    transposed = attribute(node, "transA") == [1]
    return arithmetic.matrix_product(result, (inputs[0].shape or (1,))[0 if transposed else -1])


def attribute(node: onnx.NodeProto, name: str) -> list[int]:
    """The whole numbers of an attribute; none where the node does not have it."""
    for each in node.attribute:
        if each.name == name:
            return list(each.ints) or [each.i]
    return []
