"""Steps: the calls of kernels that make up a program."""

from dataclasses import dataclass

from micronet_edge.counting.arithmetic import MOVEMENT
from micronet_edge.counting.graph import Arithmetic
from micronet_edge_c.program.buffers import Buffer, Constant


class Varying(int):
    """An integer on whose value the speed of a kernel does not depend.

    It becomes a parameter of the function that calls the kernel, so that layers of the same shape share one.
    """


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct that a kernel takes by value: its C type and the values of its members."""

    ctype: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pointer:
    """The address of a buffer's first pixel, `offset` bytes further; `written`: the kernel writes there."""

    buffer: Buffer
    offset: int = 0
    written: bool = False


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
    """

    layer: str
    kind: str
    function: str
    arguments: tuple[Argument, ...]
    scratch: tuple[Buffer, ...] = ()
    overwrites: Buffer | None = None
    arithmetic: Arithmetic = MOVEMENT

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
