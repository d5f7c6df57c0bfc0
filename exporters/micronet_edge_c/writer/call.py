"""One call of a layer, as the function that writes the layer sees it."""

from collections.abc import Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.quantization.operators import call as quantization
from micronet_edge.quantization.operators.call import Layer
from micronet_edge.quantization.quantized_tensors import clip_after, tensor_name
from micronet_edge_c.program.buffers import FLOAT, UINT16, Buffer, Constant
from micronet_edge_c.program.steps import Argument, Varying
from micronet_edge_c.writer.network_program import NetworkProgram
from micronet_edge_c.writer.numbers import float_lines, integer_lines

_LARGEST_FLOAT = float(np.finfo(np.float32).max)


class Call:
    """A call of a layer that is to be written: what it reads, and the means to add steps.

    Attributes:
        node: the call in the network's graph.
        program: the steps before it.
        integer: whether it computes in integers.
    """

    def __init__(self, node: fx.Node, program: NetworkProgram) -> None:
        self.node, self.program = node, program
        self.integer = program.quantized.is_integer(node)

    @property
    def name(self) -> str:
        return tensor_name(self.node)

    @property
    def sources(self) -> list[fx.Node]:
        """The nodes that the layer reads."""
        return inputs_of(self.node)

    def quantized(self, layer: Layer) -> quantization.Call[Layer]:
        """The same call of its layer as the quantization sees it."""
        return self.program.quantized.call(self.node, layer)

    def read(self, number: int = 0) -> Buffer:
        """The buffer of an input, in integers if the layer computes in integers."""
        return self.program.read(self.sources[number], integer=self.integer)

    def result(self) -> Buffer:
        """A new buffer that is the layer's result, or that of the clip behind it."""
        return self.program.result(self.node, integer=self.integer)

    def step(  # noqa: PLR0913 - a step has these parts
        self,
        kind: str,
        function: str,
        arguments: Sequence[Argument],
        arithmetic: Arithmetic,
        *,
        scratch: Sequence[Buffer] = (),
        overwrites: Buffer | None = None,
    ) -> None:
        """Adds the call of a kernel; see `NetworkProgram.step`."""
        self.program.step(
            self.node, kind, function, arguments, arithmetic, scratch=scratch, overwrites=overwrites
        )

    def destinations(self, order: tuple[int, ...] | None) -> Constant | None:
        """Where each output channel goes, for the order in which channels are read there; None keeps it."""
        if order is None:
            return None
        return self.integers("destinations", UINT16, np.argsort(np.array(order)))

    def stream(self, role: str, ctype: str, lines: Sequence[str], elements: int) -> Constant:
        """A constant of weights whose text is written already."""
        return self.program.constant(f"{self.name}/{role}", ctype, lines, elements=elements)

    def integers(
        self, role: str, ctype: str, values: NDArray[np.integer], *, weighs: bool = False
    ) -> Constant:
        """A constant of integers."""
        name, lines = f"{self.name}/{role}", integer_lines(values)
        return self.program.constant(name, ctype, lines, elements=values.size, weighs=weighs)

    def floats(self, role: str, values: NDArray[np.float32], *, weighs: bool = True) -> Constant:
        """A constant of float32."""
        name, lines = f"{self.name}/{role}", float_lines(values)
        return self.program.constant(name, FLOAT, lines, elements=values.size, weighs=weighs)

    def float_ends(self) -> tuple[float, float]:
        """The ends at which the clip behind the layer limits its result in float32."""
        clip = clip_after(self.node)
        low, high = (-inf, inf) if clip is None else ends_of(module_of(clip))
        return max(low, -_LARGEST_FLOAT), min(high, _LARGEST_FLOAT)


def rows_and_columns(*maps: Buffer) -> tuple[int, int]:
    """Rows and columns for a kernel that goes through maps of one size; without borders, all is one row."""
    first = maps[0]
    if any(each.border for each in maps):
        return first.height, first.width
    return 1, first.height * first.width


def rows_of(x: Buffer, y: Buffer) -> tuple[int, int, int, int]:
    """Rows, columns and both pitches for a kernel that goes through two maps pixel by pixel.

    Without borders, all pixels are one row.
    """
    rows, columns = rows_and_columns(x, y)
    if x.border or y.border:
        return rows, columns, x.pitch, y.pitch
    return rows, Varying(columns), 0, 0


def ends_of(clip: nn.Module | None) -> tuple[float, float]:
    """The ends of a clip in real numbers."""
    if isinstance(clip, nn.Hardtanh):
        return float(clip.min_val), float(clip.max_val)
    assert isinstance(clip, nn.ReLU)  # there is no third
    return 0.0, inf
