"""The product of a map and one number for each channel, as in squeeze-and-excite."""

from torch import fx

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.lowering.ir.graph import inputs_of
from micronet_edge.lowering.ir.primitives import Multiply
from micronet_edge.quantization.half_up_constants import product_constants
from micronet_edge_c.operators import OPERATORS
from micronet_edge_c.program.steps import Pointer
from micronet_edge_c.writer.call import Call, rows_and_columns
from micronet_edge_c.writer.layout import is_pixel
from micronet_edge_c.writer.network_program import multiplier_of, output_struct


def _scales_channels(node: fx.Node) -> bool:
    """Whether one of the two factors is a map of one pixel."""
    return any(is_pixel(source) for source in inputs_of(node))


@OPERATORS.writes(Multiply, supports=_scales_channels)
def write(layer: Multiply, call: Call) -> None:
    second = 1 if is_pixel(call.sources[1]) else 0
    x, s, y = call.read(1 - second), call.read(second), call.result()
    arguments = (
        *(Pointer(x), Pointer(s), Pointer(y, written=True), *rows_and_columns(x, y), x.channels),
        *(x.pitch, y.pitch),
    )
    arithmetic = Arithmetic(multiplies=y.elements)
    if not call.integer:
        call.step("scale", "micronet_f32_scale", (*arguments, *call.float_ends()), arithmetic, overwrites=x)
        return
    found = product_constants(call.quantized(layer))
    zeros = (found.zeros[1 - second], found.zeros[second])
    more = (*zeros, multiplier_of(found.requantization), output_struct(found.requantization))
    call.step("scale", "micronet_scale", (*arguments, *more), arithmetic, overwrites=x)
