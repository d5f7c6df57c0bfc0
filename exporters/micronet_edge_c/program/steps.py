"""Steps: the calls of kernels that make up a program."""

from dataclasses import dataclass
from typing import Self

from micronet_edge.counting.arithmetic import MOVEMENT
from micronet_edge.counting.graph import Arithmetic
from micronet_edge_c.program.buffers import Buffer, Constant


class Varying(int):
    """An integer on whose value the speed of a kernel does not depend.

    It becomes a parameter of the function that calls the kernel, so that layers of the same shape share one.
    """


class Moving(Varying):
    """An integer that grows by `per_band` from each band of rows to the next."""

    per_band: int

    def __new__(cls, first: int, per_band: int) -> Self:
        moving = super().__new__(cls, first)
        moving.per_band = per_band
        return moving


class AfterFirst(Varying):
    """An integer that is 0 in the first band of rows, and this in all others."""


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """A loop around the steps that have it: each computes a band of rows, `count` times in turn."""

    count: int


@dataclass(frozen=True, slots=True)
class Trail:
    """A result that may lie `ahead` bytes before x: it is written over rows that are read no more."""

    x: Buffer
    ahead: int


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct that a kernel takes by value: its C type and the values of its members."""

    ctype: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pointer:
    """The address of a buffer's first pixel, `offset` bytes further, and whether the kernel writes there.

    It moves on by `per_band` bytes from each band of rows to the next.
    """

    buffer: Buffer
    offset: int = 0
    written: bool = False
    per_band: int = 0


Argument = Pointer | Constant | Struct | int | float | None
"""None is a null pointer."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a kernel.

    Attributes:
        layer: the layer that it computes, or a part of.
        kind: what it computes, in a word; the name of the operator in counts and profiles.
        function: the kernel.
        arguments: of the call, in order.
        scratch: buffers that only this call uses; they stand among the arguments.
        overwrites: a buffer that it reads and may write its result into.
        arithmetic: what it computes in one inference.
        bands: the loop that it stands in.
        trail: where its result may lie, if over what the loop reads.
    """

    layer: str
    kind: str
    function: str
    arguments: tuple[Argument, ...]
    scratch: tuple[Buffer, ...] = ()
    overwrites: Buffer | None = None
    arithmetic: Arithmetic = MOVEMENT
    bands: Bands | None = None
    trail: Trail | None = None

    @property
    def name(self) -> str:
        return f"{self.layer} {self.kind}"

    @property
    def writes(self) -> tuple[Buffer, ...]:
        """The buffers that it writes for later steps."""
        return tuple(
            each.buffer
            for each in self.arguments
            if isinstance(each, Pointer) and each.written and each.buffer not in self.scratch
        )

    @property
    def reads(self) -> tuple[Buffer, ...]:
        return tuple(each.buffer for each in self.arguments if isinstance(each, Pointer) and not each.written)

    @property
    def constants(self) -> tuple[Constant, ...]:
        return tuple(each for each in self.arguments if isinstance(each, Constant))


@dataclass(frozen=True, slots=True)
class Program:
    """All steps of an inference, from the image to the scores."""

    steps: tuple[Step, ...]
    image: Buffer
    scores: Buffer

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The constants, in the order in which they are first read."""
        return tuple(dict.fromkeys(constant for step in self.steps for constant in step.constants))
