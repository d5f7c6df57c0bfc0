"""The sum of two tensors."""

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.lowering.ir.primitives import Add
from micronet_edge.quantization.half_up_constants import add_constants
from micronet_edge_c.operators import OPERATORS
from micronet_edge_c.program.steps import Pointer, Struct
from micronet_edge_c.writer.call import Call, rows_and_columns
from micronet_edge_c.writer.network_program import multiplier_of, output_struct


@OPERATORS.writes(Add)
def write(layer: Add, call: Call) -> None:
    a, b, y = call.read(0), call.read(1), call.result()
    rows, columns = rows_and_columns(y, a, b)
    arguments = (
        *(Pointer(a), Pointer(b), Pointer(y, written=True), rows, columns * y.channels),
        *(a.pitch, b.pitch, y.pitch),
    )
    arithmetic = Arithmetic(other=y.elements)
    if not call.integer:
        ends = call.float_ends()
        call.step("add", "micronet_f32_add", (*arguments, *ends), arithmetic, overwrites=a)
        return
    found = add_constants(call.quantized(layer))
    two = Struct("micronet_sum_of", (*found.zeros, *found.factors))
    more = (two, multiplier_of(found.requantization), output_struct(found.requantization))
    call.step("add", "micronet_add", (*arguments, *more), arithmetic, overwrites=a)
