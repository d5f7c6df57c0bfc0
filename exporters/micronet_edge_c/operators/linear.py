"""Linear layers, and convolutions of a map of one pixel."""

import numpy as np
from numpy.typing import NDArray
from torch import nn

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.quantization.half_up_constants import MatrixConstants, matrix_constants
from micronet_edge_c.operators import OPERATORS
from micronet_edge_c.program.buffers import INT8, INT16, INT32, Buffer
from micronet_edge_c.program.steps import Pointer, Varying
from micronet_edge_c.writer.call import Call
from micronet_edge_c.writer.network_program import output_struct
from micronet_edge_c.writer.packing import VECTOR, bias_stream, linear_weights

Floats = NDArray[np.float32]


@OPERATORS.writes(nn.Linear)
def write(linear: nn.Linear, call: Call) -> None:
    if call.integer:
        write_linear(call, matrix_constants(call.quantized(linear)))
    else:
        write_linear_in_float(call, linear.weight.detach().numpy(), bias_of(linear).numpy())


def write_linear(call: Call, found: MatrixConstants) -> None:
    """Adds the product of the input and a matrix of int8."""
    x, y = call.read(), call.result()
    weight = found.weight.reshape(y.elements, x.elements)
    scratch = widened_inputs(call, x)
    arguments = (
        *(Pointer(x), call.stream("weights", INT8, linear_weights(weight), weight.size)),
        call.stream(
            "bias", INT32, bias_stream(found.folded_bias, found.requantization.multipliers), y.elements
        ),
        *(Pointer(y, written=True), Pointer(scratch, written=True)),
        *(Varying(x.elements), Varying(y.elements)),
        output_struct(found.requantization),
    )
    call.step("linear", "micronet_linear", arguments, _arithmetic(x, y), scratch=[scratch])


def widened_inputs(call: Call, x: Buffer) -> Buffer:
    """The scratch in which a kernel widens its inputs to 16 bits."""
    return call.program.scratch(f"{call.name}/widened", INT16, -(-x.elements // VECTOR) * VECTOR)


def write_linear_in_float(call: Call, weight: Floats, bias: Floats) -> None:
    """Adds the product of the input and a matrix of float32."""
    x, y = call.read(), call.result()
    arguments = (
        *(Pointer(x), call.floats("weights", weight), call.floats("bias", bias)),
        *(Pointer(y, written=True), x.elements, y.elements, *call.float_ends()),
    )
    call.step("linear", "micronet_f32_linear", arguments, _arithmetic(x, y))


def _arithmetic(x: Buffer, y: Buffer) -> Arithmetic:
    return Arithmetic(linear=x.elements * y.elements)
