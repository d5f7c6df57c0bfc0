"""Activations: a table of 256 results in integers, a function in float32."""

from torch import nn

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.quantization.half_up_constants import table_of
from micronet_edge_c.operators import OPERATORS
from micronet_edge_c.program.buffers import INT8
from micronet_edge_c.program.steps import Pointer
from micronet_edge_c.writer.call import Call, ends_of

_FUNCTIONS: dict[type[nn.Module], str] = {
    nn.Hardswish: "micronet_f32_hard_swish",
    nn.Hardsigmoid: "micronet_f32_hard_sigmoid",
}
_OPERATIONS = 5


@OPERATORS.writes(nn.Hardswish, nn.Hardsigmoid, nn.ReLU, nn.Hardtanh)
def write(layer: nn.Module, call: Call) -> None:
    x, y = call.read(), call.result()
    rows, length = (x.height, x.width * x.channels) if x.border or y.border else (1, x.elements)
    arithmetic = Arithmetic(other=_OPERATIONS * y.elements)
    if call.integer:
        table = call.integers("table", INT8, table_of(call.program.quantized, call.node))
        arguments = (Pointer(x), Pointer(y, written=True), rows, length, x.pitch, y.pitch, table)
        call.step("table", "micronet_table", arguments, arithmetic, overwrites=x)
        return
    sizes = (Pointer(x), Pointer(y, written=True), rows, length, x.pitch, y.pitch)
    function = next((name for kind, name in _FUNCTIONS.items() if isinstance(layer, kind)), None)
    if function is None:
        call.step("clamp", "micronet_f32_clamp", (*sizes, *float_ends(layer)), arithmetic, overwrites=x)
    else:
        call.step("activation", function, sizes, arithmetic, overwrites=x)


def float_ends(layer: nn.Module) -> tuple[float, float]:
    """The ends of a clip that no kernel before it does as well."""
    low, high = ends_of(layer)
    return low, min(high, 3.4028234663852886e38)
