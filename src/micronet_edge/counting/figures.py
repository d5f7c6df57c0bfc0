"""The figures of an operator, of a layer or of everything, and how they are added up."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """What operators hold and do in one inference.

    `params` are the stored numbers that enter the arithmetic, `weight_bytes` what they take as stored;
    `constant_bytes` are all other stored numbers: shapes, indices, steps of integers, statistics.
    `conv_madds` and `linear_madds` are the multiply-adds of convolutions and of matrix products,
    `shift_max_madds` those that apply Dynamic Shift-Max's coefficients, by whatever operator.
    `other_operations` are additions, multiplications and comparisons outside of these.
    `activation_bytes` is the most that computed tensors take at one time.
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
    """The figures of all parts together."""
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
