"""Assigns stored constants to the operators that use them, through any operators in between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from micronet_edge.counting.graph import Operator, Tensor


@dataclass(frozen=True, slots=True)
class Stored:
    """A constant as stored in the file, and whether the arithmetic uses it."""

    tensor: Tensor
    weighs: bool


class Constants:
    """The stored constants behind every tensor that does not depend on the image.

    Given    int8 weight -> DequantizeLinear -> Conv
    Result   only the convolution, with its weight a constant stored in int8

    Operators with only constant inputs run once, when the file is opened, so they do not count.
    """

    def __init__(self, operators: Iterable[Operator]) -> None:
        self._derived: dict[str, tuple[Stored, ...]] = {}
        self._given: set[str] = set()
        self.operators: list[Operator] = []
        for operator in operators:
            if operator.reads and all(self._is_constant(tensor) for tensor in operator.reads):
                self._derived |= dict.fromkeys((each.name for each in operator.outputs), self.of(operator))
            else:
                self.operators.append(self._resolved(operator))

    def of(self, operator: Operator) -> tuple[Stored, ...]:
        """All stored constants that the operator reads."""
        numbers = (part for tensor in operator.inputs for part in self._parts(tensor))
        settings = (
            replace(part, weighs=False) for tensor in operator.settings for part in self._parts(tensor)
        )
        return (*numbers, *settings)

    def first_read(self, operator: Operator) -> tuple[Stored, ...]:
        """Those that no earlier operator reads, so that each stored constant counts once."""
        found: list[Stored] = []
        for part in self.of(operator):
            if part.tensor.stored is not None and part.tensor.stored not in self._given:
                self._given.add(part.tensor.stored)
                found.append(part)
        return tuple(found)

    def _is_constant(self, tensor: Tensor) -> bool:
        return tensor.stored is not None or tensor.name in self._derived

    def _parts(self, tensor: Tensor) -> tuple[Stored, ...]:
        if tensor.stored is not None and tensor.name not in self._derived:
            return (Stored(tensor, weighs=True),)
        return self._derived.get(tensor.name, ())

    def _resolved(self, operator: Operator) -> Operator:
        return replace(
            operator, inputs=self._marked(operator.inputs), settings=self._marked(operator.settings)
        )

    def _marked(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The tensors, with those computed from constants marked as constant."""
        return tuple(
            replace(tensor, stored=tensor.name) if tensor.name in self._derived else tensor
            for tensor in tensors
        )
