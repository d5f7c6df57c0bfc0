"""Activations: a table of 256 results in integers, a function in float32."""

from torch import nn

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.errors import TargetError
from micronet_edge.quantization.half_up_constants import table_of
from micronet_edge.quantization.operators.function import FUNCTIONS
from micronet_edge_c.operators import OPERATORS
from micronet_edge_c.program.buffers import INT8
from micronet_edge_c.program.steps import Pointer
from micronet_edge_c.writer.call import Call, ends_of, rows_and_columns

_FUNCTIONS: dict[type[nn.Module], str] = {
    nn.Hardswish: "micronet_f32_hard_swish",
    nn.Hardsigmoid: "micronet_f32_hard_sigmoid",
}
_CLIPS = (nn.ReLU, nn.Hardtanh)
_OPERATIONS = 5


@OPERATORS.writes(*FUNCTIONS, *_CLIPS)
def write(layer: nn.Module, call: Call) -> None:
    x, y = call.read(), call.result()
    rows, columns = rows_and_columns(x, y)
    arithmetic = Arithmetic(other=_OPERATIONS * y.elements)
    sizes = (Pointer(x), Pointer(y, written=True), rows, columns * x.channels, x.pitch, y.pitch)
    if call.integer:
        table = call.integers("table", INT8, table_of(call.program.quantized, call.node))
        call.step("table", "micronet_table", (*sizes, table), arithmetic, overwrites=x)
    elif isinstance(layer, _CLIPS):
        call.step("clamp", "micronet_f32_clamp", (*sizes, *float_ends(layer)), arithmetic, overwrites=x)
    else:
        call.step("activation", _float_function(layer, call.name), sizes, arithmetic, overwrites=x)


def _float_function(layer: nn.Module, name: str) -> str:
    """The kernel that computes the function in float32. Raises TargetError if there is none."""
    for kind, function in _FUNCTIONS.items():
        if isinstance(layer, kind):
            return function
    raise TargetError(
        f"{name}: the C target computes {layer} in integers only, by a table: export the network with "
        "--precision int8"
    )


def float_ends(layer: nn.Module) -> tuple[float, float]:
    """The ends of a clip that no kernel before it does as well."""
    low, high = ends_of(layer)
    return low, min(high, 3.4028234663852886e38)
