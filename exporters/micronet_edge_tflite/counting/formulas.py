"""How many operations an operator of the format takes, from its options and tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.counting import arithmetic
from micronet_edge.counting.arithmetic import BOUND, CLIP, MOVEMENT
from micronet_edge.counting.graph import Arithmetic, Tensor

Inputs = Sequence[Tensor | None]
"""An operator's inputs in order; None where one is left out."""

_FUSED = {
    schema.ActivationFunctionType.NONE: 0,
    schema.ActivationFunctionType.RELU: BOUND,
    schema.ActivationFunctionType.RELU_N1_TO_1: CLIP,
    schema.ActivationFunctionType.RELU6: CLIP,
}


def every_input(inputs: Inputs) -> set[int]:
    return set(range(len(inputs)))


def first_input(_inputs: Inputs) -> set[int]:
    return {0}


def computed_inputs(inputs: Inputs) -> set[int]:
    """A constant that is only moved is none of the network's weights."""
    return {place for place, tensor in enumerate(inputs) if tensor is not None and tensor.stored is None}


@dataclass(frozen=True, slots=True)
class Formula:
    """The arithmetic of an operator.

    Attributes:
        compute: From the operator's options, the inputs that it has, and its result, to what it computes
            without the activation in its options.
        data: The places of the inputs that are numbers of the network: no shapes, axes or indices.
    """

    compute: Callable[[object, Sequence[Tensor], Tensor], Arithmetic]
    data: Callable[[Inputs], set[int]] = every_input


MOVES = Formula(lambda _options, _inputs, _result: MOVEMENT, data=computed_inputs)
"""Copies or renames numbers."""


def elementwise(operations: int) -> Formula:
    """So many operations for each element of the result."""
    return Formula(lambda _options, _inputs, result: arithmetic.elementwise(result, operations))


def arithmetic_of(
    formula: Formula | None, options: object, inputs: Inputs, outputs: Sequence[Tensor]
) -> Arithmetic | None:
    """What an operator computes, with the activation in its options; None where that is not known."""
    if formula is MOVES:
        return MOVEMENT
    fused = _FUSED.get(getattr(options, "fusedActivationFunction", schema.ActivationFunctionType.NONE))
    if formula is None or fused is None or not outputs:
        return None
    found = formula.compute(options, [tensor for tensor in inputs if tensor is not None], outputs[0])
    return replace(found, other=found.other + fused * outputs[0].elements)
