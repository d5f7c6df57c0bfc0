"""The figures of an operator, a layer or a graph, and their sum."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """What operators store and compute in one inference.

    Attributes:
        params: number of stored values that enter the arithmetic.
        weight_bytes: their size as stored.
        constant_bytes: size of all other stored values: shapes, indices, scales, statistics.
        conv_madds: multiply-adds of convolutions.
        linear_madds: multiply-adds of matrix products.
        shift_max_madds: multiply-adds that apply Dynamic Shift-Max's coefficients, in any operator.
        other_operations: all other additions, multiplications and comparisons.
        activation_bytes: peak size of the computed tensors alive at one time.
    """

    params: int = 0
    weight_bytes: int = 0
    constant_bytes: int = 0
    conv_madds: int = 0
    linear_madds: int = 0
    shift_max_madds: int = 0
    other_operations: int = 0
    activation_bytes: int = 0

    @property
    def conv_linear_madds(self) -> int:
        return self.conv_madds + self.linear_madds

    @property
    def paper_madds(self) -> int:
        return self.conv_linear_madds + self.shift_max_madds


def total(parts: Iterable[Figures]) -> Figures:
    """The sum of the figures."""
    found = list(parts)
    return Figures(
        params=sum(part.params for part in found),
        weight_bytes=sum(part.weight_bytes for part in found),
        constant_bytes=sum(part.constant_bytes for part in found),
        conv_madds=sum(part.conv_madds for part in found),
        linear_madds=sum(part.linear_madds for part in found),
        shift_max_madds=sum(part.shift_max_madds for part in found),
        other_operations=sum(part.other_operations for part in found),
        activation_bytes=max((part.activation_bytes for part in found), default=0),
    )
