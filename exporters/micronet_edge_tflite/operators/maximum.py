"""MAXIMUM and MINIMUM: the larger or smaller of two tensors, element by element."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.counting.arithmetic import BOUND
from micronet_edge.lowering.ir.primitives import Maximum, MaximumConstant, Minimum, MinimumConstant
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.operators.dynamic_pointwise import compares_products, rows_shape
from micronet_edge_tflite.operators.reshape import reshape
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operands import in_order

OPERATORS.names("MAXIMUM", "MINIMUM", formula=elementwise(BOUND), allowed_in=EVERYWHERE)

in_integers(Maximum, bits=ALL_BITS)
in_integers(Minimum, MaximumConstant, MinimumConstant)


@OPERATORS.writes(Maximum)
def write(_layer: Maximum, call: Call) -> None:
    if not compares_products(call.node):
        _compare(call, "MAXIMUM")
        return
    result = call.result()
    rows = call.tensor("rows", rows_shape(call.shape), call.qparams)
    call.write("MAXIMUM", call.inputs, rows, schema.MaximumMinimumOptionsT)
    reshape(call, rows, call.shape, result)


@OPERATORS.writes(Minimum)
def write_minimum(_layer: Minimum, call: Call) -> None:
    _compare(call, "MINIMUM")


@OPERATORS.writes(MaximumConstant, MinimumConstant)
def write_bound(layer: MaximumConstant | MinimumConstant, call: Call) -> None:
    order = call.order()
    result = call.result(order)
    x = call.converted(call.read(0), call.qparams_in(result))
    bound = call.constant("bound", in_order(layer.constant.numpy(), order), call.qparams_in(result))
    compare(call, "MAXIMUM" if isinstance(layer, MaximumConstant) else "MINIMUM", [x, bound], result)


def compare(call: Call, operator: str, inputs: list[int], result: int) -> None:
    call.write(operator, inputs, result, schema.MaximumMinimumOptionsT)


def _compare(call: Call, operator: str) -> None:
    """Integers are compared as they are, so that all have the quantization parameters of the result."""
    result = call.result(order := call.joint_order)
    inputs = [call.broadcast(place, order) for place in range(len(call.sources))]
    compare(call, operator, [call.converted(each, call.qparams_in(result)) for each in inputs], result)
