"""The mean of each channel over a map."""

from torch import nn

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.quantization.half_up_constants import mean_constants
from micronet_edge_c.operators import OPERATORS
from micronet_edge_c.program.buffers import INT32, Buffer
from micronet_edge_c.program.steps import Pointer, Varying
from micronet_edge_c.writer.call import Call
from micronet_edge_c.writer.layout import is_global_mean
from micronet_edge_c.writer.network_program import multiplier_of, output_struct


@OPERATORS.writes(nn.AdaptiveAvgPool2d, supports=is_global_mean)
def write(layer: nn.AdaptiveAvgPool2d, call: Call) -> None:
    x, y = call.read(), call.result()
    arithmetic = Arithmetic(other=x.elements + y.elements)
    if not call.integer:
        shape = (x.height, x.width, x.pitch, x.channels)
        both = (Pointer(x), Pointer(y, written=True))
        call.step("mean", "micronet_f32_mean", (*both, *shape, *call.float_ends()), arithmetic)
        return
    found = mean_constants(call.quantized(layer), x.height * x.width)
    sums = call.program.sums_of(x)
    if sums is None:
        sums = _summed(call, x)
    arguments = (
        *(Pointer(sums), Pointer(y, written=True), Varying(x.channels)),
        *(Varying(found.bias), multiplier_of(found.requantization), output_struct(found.requantization)),
    )
    call.step("mean", "micronet_mean", arguments, arithmetic)


def _summed(call: Call, x: Buffer) -> Buffer:
    """Adds the step that adds up each channel of a map whose producer has not done so."""
    sums = call.program.scratch(f"{call.name}/sums", INT32, x.channels)
    shape = (x.height, x.width, x.pitch, x.channels)
    if not x.border:
        shape = (1, x.height * x.width, x.pitch, x.channels)
    arguments = (Pointer(x), Pointer(sums, written=True), *shape)
    call.step("sum", "micronet_sum", arguments, Arithmetic())
    return sums
