"""GATHER: the channels in another order, for runtimes whose kernel for it is faster than slices are."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.reorder import GatheredReorder
from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import ALL_BITS, MICRO, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("GATHER", formula=MOVES, allowed_in=[MICRO])

in_integers(GatheredReorder, bits=ALL_BITS)


@OPERATORS.writes(GatheredReorder)
def write(layer: GatheredReorder, call: Call) -> None:
    result, last = call.result(), len(call.shape) - 1
    channels = call.sizes(result, "channels", layer.index.tolist())
    call.write("GATHER", [*call.inputs, channels], result, schema.GatherOptionsT, axis=last)
