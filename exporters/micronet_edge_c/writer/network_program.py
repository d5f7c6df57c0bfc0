"""A network that becomes a program: which buffer holds which tensor, and the steps so far."""

from collections.abc import Sequence
from dataclasses import replace

from torch import fx

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.lowering.ir.graph import only_input, shape_of
from micronet_edge.lowering.passes.fold_input_normalization import pixels_of
from micronet_edge.quantization.qparams import BYTE
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import IMAGE, clip_after, result_name, tensor_name
from micronet_edge.quantization.requantization import Requantization
from micronet_edge_c.program.buffers import (
    FLOAT,
    INT8,
    INT16,
    INT32,
    NO_BORDER,
    UINT8,
    Buffer,
    Constant,
)
from micronet_edge_c.program.steps import Argument, Pointer, Program, Step, Struct, Varying
from micronet_edge_c.writer.layout import before_views, border_for, is_global_mean, shuffled


class NetworkProgram:
    """Collects the steps of a network, and knows the buffer of every tensor.

    Args:
        quantized: the network with its quantization parameters.
        io: the C type of the image's elements. Scores are float32 where the image is, else int8.
    """

    def __init__(self, quantized: QuantizedNetwork, io: str) -> None:
        self.quantized, self.integer_io = quantized, io != FLOAT
        self._buffers: dict[tuple[str, bool], Buffer] = {}
        self._sums: dict[Buffer, Buffer] = {}
        self._steps: list[Step] = []
        self._names: set[str] = set()
        self._signed_image: Buffer | None = None
        image, *_, end = quantized.network.graph.nodes
        self._scores_node = before_views(only_input(end))
        given = (pixels_of(quantized.network) or image) if self.integer_io else image
        _, channels, height, width = shape_of(image)
        self.image = Buffer(self._unique(IMAGE), io, channels, height, width, in_arena=False)
        self._buffers[tensor_name(given), self.integer_io] = self.image

    def program(self) -> Program:
        """The steps so far as a whole program."""
        scores = self.read(self._scores_node, integer=self.integer_io)
        return Program(tuple(self._steps), self.image, scores)

    def read(self, node: fx.Node, *, integer: bool) -> Buffer:
        """The node's tensor in int8 or in float32; its first reader in that form has it converted."""
        return self._signed(node, self.as_it_is(node, integer=integer))

    def as_it_is(self, node: fx.Node, *, integer: bool) -> Buffer:
        """The same for a kernel that reads an image of unsigned pixels as well."""
        name = tensor_name(node)
        if (name, integer) not in self._buffers:
            given = self._signed(node, self._buffers[name, not integer])
            converted = self._buffer(node, integer=integer)
            self._buffers[name, integer] = converted
            self._convert(node, given, converted, integer=integer)
        return self._buffers[name, integer]

    def result(self, node: fx.Node, *, integer: bool) -> Buffer:
        """A new buffer for what the node gives, after the clip that follows it if there is one."""
        last = clip_after(node) or node
        buffer = self._buffer(last, integer=integer)
        self._buffers[result_name(node), integer] = buffer
        return buffer

    def shuffled_result(self, node: fx.Node, *, integer: bool) -> tuple[Buffer, tuple[int, ...] | None]:
        """The same after the shuffles that follow as well, and the order in which channels are read there."""
        nodes, order = shuffled(node)
        if order is None:
            return self.result(node, integer=integer), None
        buffer = self._buffer(nodes[-1], integer=integer)
        for each in (clip_after(node) or node, *nodes):
            self._buffers[tensor_name(each), integer] = buffer
        return buffer, order

    def is_written(self, node: fx.Node) -> bool:
        """Whether a step before has written the node's tensor already, or it is the image."""
        return any((tensor_name(node), integer) in self._buffers for integer in (True, False))

    def share(self, node: fx.Node, buffer: Buffer, *, integer: bool) -> None:
        """Lets the node's readers read that buffer."""
        self._buffers[tensor_name(node), integer] = buffer

    def sums_for(self, node: fx.Node, buffer: Buffer) -> Buffer | None:
        """A buffer for the sum of each channel, if a mean reads the node's result in integers."""
        nodes, _ = shuffled(node)
        last = nodes[-1] if nodes else clip_after(node) or node
        if not any(is_global_mean(reader) and self.quantized.is_integer(reader) for reader in last.users):
            return None
        sums = self.scratch(f"{buffer.name}/sums", INT32, buffer.channels)
        self._sums[buffer] = sums
        return sums

    def sums_of(self, buffer: Buffer) -> Buffer | None:
        """The sums of the buffer's channels, if the step that wrote it has added them up."""
        return self._sums.get(buffer)

    def scratch(self, name: str, ctype: str, elements: int) -> Buffer:
        """A buffer in the arena that is no tensor of the network."""
        return Buffer(self._unique(name), ctype, elements)

    def constant(
        self, name: str, ctype: str, lines: Sequence[str], *, elements: int, weighs: bool = True
    ) -> Constant:
        """An array in the file; `name` is a layer and, behind it, the array's role."""
        layer, _, _ = name.rpartition("/")
        return Constant(self._unique(name), ctype, tuple(lines), layer, elements, weighs)

    def step(  # noqa: PLR0913 - a step has these parts
        self,
        node: fx.Node,
        kind: str,
        function: str,
        arguments: Sequence[Argument],
        arithmetic: Arithmetic,
        *,
        scratch: Sequence[Buffer] = (),
        overwrites: Buffer | None = None,
    ) -> None:
        """Adds the call of a kernel, behind one that fills the border of what it writes."""
        step = Step(
            tensor_name(node), kind, function, tuple(arguments), tuple(scratch), overwrites, arithmetic
        )
        for buffer in step.writes:
            if buffer.border:
                self._steps.append(self._border_step(node, buffer))
        self._steps.append(step)

    def _border_step(self, node: fx.Node, buffer: Buffer) -> Step:
        border, qparams = buffer.border, self.quantized.qparams(node)
        zero = qparams.zero_point if buffer.ctype == INT8 else 0
        shape = (buffer.height, buffer.row_bytes, buffer.pitch, border.top, border.bottom)
        sides = (border.left * buffer.pixel_bytes, border.right * buffer.pixel_bytes)
        sizes = [Varying(each) for each in (*shape, *sides, zero)]
        arguments: tuple[Argument, ...] = (Pointer(buffer, written=True), *sizes)
        return Step(tensor_name(node), "border", "micronet_border", arguments)

    def _signed(self, node: fx.Node, buffer: Buffer) -> Buffer:
        if buffer.ctype != UINT8:
            return buffer
        if self._signed_image is None:
            self._signed_image = replace(
                buffer, name=self._unique(f"{buffer.name}/signed"), ctype=INT8, in_arena=True
            )
            arguments = (Pointer(buffer), Pointer(self._signed_image, written=True), buffer.elements)
            self.step(node, "signed", "micronet_signed", arguments, Arithmetic(other=buffer.elements))
        return self._signed_image

    def _convert(self, node: fx.Node, given: Buffer, converted: Buffer, *, integer: bool) -> None:
        qparams = self.quantized.qparams(node)
        function = "micronet_quantize" if integer else "micronet_dequantize"
        arguments = (
            Pointer(given),
            Pointer(converted, written=True),
            *(converted.height, converted.width * converted.channels, given.pitch, converted.pitch),
            float(qparams.scale),
            qparams.zero_point,
        )
        kind = "quantize" if integer else "dequantize"
        self.step(node, kind, function, arguments, Arithmetic(other=2 * converted.elements))

    def _buffer(self, node: fx.Node, *, integer: bool) -> Buffer:
        _, channels, height, width = (*shape_of(node), 1, 1)[:4]
        ctype, border = FLOAT, NO_BORDER
        if integer:
            is_wide = self.quantized.qparams(node).bits != BYTE
            ctype, border = INT16 if is_wide else INT8, border_for(node)
        is_scores = node is self._scores_node and integer == self.integer_io
        name = self._unique(tensor_name(node))
        return Buffer(name, ctype, channels, height, width, border, in_arena=not is_scores)

    def _unique(self, name: str) -> str:
        number, found = 1, name
        while found in self._names:
            number += 1
            found = f"{name}.{number}"
        self._names.add(found)
        return found


def output_struct(found: Requantization) -> Struct:
    """How a kernel rounds its sums to the integers of its result.

    A zero point of 0 in int16, where all have it, is a constant: the kernel needs no register for it.
    """
    is_wide = found.low < -(2 ** (BYTE - 1))
    zero_point = found.zero_point if is_wide and found.zero_point == 0 else Varying(found.zero_point)
    values = (found.shift, zero_point, found.low, found.high)
    return Struct("micronet_output", values)


def multiplier_of(found: Requantization) -> Varying:
    """The multiplier that all sums share."""
    (multiplier,) = found.multipliers.tolist()
    return Varying(multiplier)
