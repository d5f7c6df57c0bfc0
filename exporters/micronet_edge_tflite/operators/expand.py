"""BROADCAST_TO: axes of length 1 repeated to other lengths."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.primitives import Expand
from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("BROADCAST_TO", formula=MOVES, allowed_in=EVERYWHERE)

in_integers(Expand)


@OPERATORS.writes(Expand)
def write(_layer: Expand, call: Call) -> None:
    order = call.order()
    x = call.read(0)
    with call.result_at(call.qparams_in(x), order) as result:
        inputs = [x, call.sizes(result, "shape", call.shape_in(order))]
        call.write("BROADCAST_TO", inputs, result, schema.BroadcastToOptionsT)
