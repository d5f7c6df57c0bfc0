"""Convolutions: each shape in the kernel that is for it."""

import numpy as np
from torch import fx, nn

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.lowering.ir.primitives import Frame
from micronet_edge.quantization.half_up_constants import MatrixConstants, matrix_constants
from micronet_edge.quantization.qparams import Integers
from micronet_edge_c.operators import OPERATORS
from micronet_edge_c.operators.linear import write_linear, write_linear_in_float
from micronet_edge_c.program.buffers import INT8, INT16, INT32, UINT8, Buffer
from micronet_edge_c.program.shapes import LINES, WINDOW
from micronet_edge_c.program.steps import Pointer, Struct
from micronet_edge_c.writer.call import Call, rows_of
from micronet_edge_c.writer.layout import ConvolutionKernel, kernel_for, padding_of
from micronet_edge_c.writer.network_program import output_struct
from micronet_edge_c.writer.packing import convolution_stream, lines_stream, pointwise_stream, square_stream


def _is_plain(node: fx.Node) -> bool:
    """Not dilated, and padded with zeros by numbers."""
    conv = module_of(node)
    assert isinstance(conv, nn.Conv2d)
    return conv.dilation == (1, 1) and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)


@OPERATORS.writes(nn.Conv2d, supports=_is_plain)
def write(conv: nn.Conv2d, call: Call) -> None:
    if not call.integer:
        _write_in_float(conv, call)
        return
    constants = matrix_constants(call.quantized(conv))
    match kernel_for(call.node):
        case ConvolutionKernel.LINEAR:
            write_linear(call, constants)
        case ConvolutionKernel.POINTWISE:
            _write_pointwise(conv, call, constants)
        case ConvolutionKernel.LINES:
            _write_lines(conv, call, constants)
        case ConvolutionKernel.SQUARE:
            _write_square(conv, call, constants)
        case ConvolutionKernel.WINDOW:
            _write_window(conv, call, constants)


def _write_pointwise(conv: nn.Conv2d, call: Call, found: MatrixConstants) -> None:
    x, y = call.read(), call.result()
    lines = pointwise_stream(
        found.weight.reshape(conv.out_channels, -1),
        found.folded_bias,
        found.requantization.multipliers,
        conv.groups,
    )
    weights = call.stream("weights", INT32, lines, found.weight.size)
    arguments = (
        *(Pointer(x), weights, Pointer(y, written=True), *rows_of(x, y)),
        *(conv.in_channels, conv.out_channels, conv.groups, output_struct(found.requantization)),
    )
    call.step("pointwise", "micronet_pointwise", arguments, _arithmetic(conv, y))


def _write_lines(conv: nn.Conv2d, call: Call, found: MatrixConstants) -> None:
    x = call.read()
    y, order = call.program.shuffled_result(call.node, integer=True)
    sums = call.program.sums_for(call.node, y)
    vertical, horizontal = padding_of(conv)
    down = conv.kernel_size[1] == 1
    taps, stride = (conv.kernel_size[0], conv.stride[0]) if down else (conv.kernel_size[1], conv.stride[1])
    steps = (x.pitch, x.pixel_bytes, y.pitch, y.pixel_bytes)
    if not down:
        steps = (x.pixel_bytes, x.pitch, y.pixel_bytes, y.pitch)
    length, lines = (y.height, y.width) if down else (y.width, y.height)
    multiplier = conv.out_channels // conv.in_channels
    counts = (conv.in_channels, multiplier, taps, stride, length, lines)
    shape = Struct(LINES.ctype, (*counts, *steps, int(x.ctype == INT16), int(y.ctype == INT16)))
    stream = lines_stream(found.weight.reshape(conv.out_channels, -1), *_sums(found))
    first = _first_tap(x, vertical, horizontal)
    arguments = (
        *(Pointer(x, first), call.stream("weights", INT32, stream, found.weight.size)),
        *(Pointer(y, written=True), None if sums is None else Pointer(sums, written=True)),
        *(call.destinations(order), shape, output_struct(found.requantization)),
    )
    call.step("depthwise lines", LINES.function, arguments, _arithmetic(conv, y))


def _write_square(conv: nn.Conv2d, call: Call, found: MatrixConstants) -> None:
    x, y = call.read(), call.result()
    sums = call.program.sums_for(call.node, y)
    (size, _), (stride, _) = conv.kernel_size, conv.stride
    shape = Struct("micronet_square", (conv.in_channels, size, stride, y.height, y.width, x.pitch, y.pitch))
    stream = square_stream(
        found.weight.reshape(conv.out_channels, size, size),
        found.folded_bias,
        found.requantization.multipliers,
    )
    arguments = (
        *(
            Pointer(x, _first_tap(x, *padding_of(conv))),
            call.stream("weights", INT32, stream, found.weight.size),
        ),
        *(Pointer(y, written=True), None if sums is None else Pointer(sums, written=True)),
        *(shape, output_struct(found.requantization)),
    )
    call.step("depthwise square", "micronet_depthwise_square", arguments, _arithmetic(conv, y))


def _write_window(conv: nn.Conv2d, call: Call, found: MatrixConstants) -> None:
    quantized, source = call.program.quantized, inputs_of(call.node)[0]
    x, y = call.program.as_it_is(source, integer=True), call.result()
    top, left = padding_of(conv)
    zero = quantized.qparams(source).zero_point
    border = np.full(conv.in_channels, zero, np.int32)
    frame = module_of(source)
    if isinstance(frame, Frame):
        top, left = frame.vertical, frame.horizontal
        border = quantized.qparams(source).integers(frame.values.numpy())
    shape = _window(conv, x, y, (top, left))
    stream = convolution_stream(found.weight, *_sums(found), conv.groups)
    line = ((y.width - 1) * conv.stride[1] + conv.kernel_size[1]) * conv.in_channels
    scratch = call.program.scratch(f"{call.name}/lines", INT8, conv.kernel_size[0] * line + 16)
    arguments = (
        *(Pointer(x), call.stream("weights", INT32, stream, found.weight.size), Pointer(y, written=True)),
        *(Pointer(scratch, written=True), call.integers("border", INT8, border)),
        *(shape, output_struct(found.requantization)),
    )
    call.step("convolution", WINDOW.function, arguments, _arithmetic(conv, y), scratch=[scratch])


def _write_in_float(conv: nn.Conv2d, call: Call) -> None:
    if kernel_for(call.node) is ConvolutionKernel.LINEAR:
        write_linear_in_float(call, conv.weight.detach().flatten(1).numpy(), bias_of(conv).numpy())
        return
    x, y = call.read(), call.result()
    border, frame, (top, left) = None, module_of(call.sources[0]), padding_of(conv)
    if isinstance(frame, Frame):
        top, left = frame.vertical, frame.horizontal
        border = call.floats("border", frame.values.numpy(), weighs=False)
    shape = _window(conv, x, y, (top, left))
    weights = conv.weight.detach().permute(0, 2, 3, 1).numpy()
    arguments = (
        *(Pointer(x), call.floats("weights", weights), call.floats("bias", bias_of(conv).numpy())),
        *(Pointer(y, written=True), border, shape, *call.float_ends()),
    )
    call.step("convolution", "micronet_f32_convolution", arguments, _arithmetic(conv, y))


def _window(conv: nn.Conv2d, x: Buffer, y: Buffer, padding: tuple[int, int]) -> Struct:
    (height, width), (down, across), (top, left) = conv.kernel_size, conv.stride, padding
    values = {
        "ci": conv.in_channels,
        "co": conv.out_channels,
        "groups": conv.groups,
        "kernel_h": height,
        "kernel_w": width,
        "stride_h": down,
        "stride_w": across,
        "top": top,
        "left": left,
        "rows_in": x.height,
        "columns_in": x.width,
        "rows": y.height,
        "columns": y.width,
        "x_pitch": x.pitch,
        "y_pitch": y.pitch,
        "above": 0,
        "is_unsigned": int(x.ctype == UINT8),
        "wide_y": int(y.ctype == INT16),
    }
    return WINDOW.struct(values)


def _sums(found: MatrixConstants) -> tuple[Integers, Integers]:
    """What the sums start with, and what they are multiplied by."""
    return found.folded_bias, found.requantization.multipliers


def _first_tap(x: Buffer, vertical: int, horizontal: int) -> int:
    """Bytes from the first pixel to the first tap of the first output, which lies in the border."""
    return -(vertical * x.pitch + horizontal * x.pixel_bytes)


def _arithmetic(conv: nn.Conv2d, y: Buffer) -> Arithmetic:
    return Arithmetic(conv=y.elements * conv.weight[0].numel())
