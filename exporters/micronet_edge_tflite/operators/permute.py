"""A permutation of axes: the same tensor of the file, whose axes now stand in another order."""

from micronet_edge.lowering.ir.primitives import Permute
from micronet_edge_tflite.operators import ALL_BITS, OPERATORS, in_integers
from micronet_edge_tflite.writer.axis_order import after_permute
from micronet_edge_tflite.writer.call import Call

in_integers(Permute, bits=ALL_BITS)


@OPERATORS.writes(Permute)
def write(layer: Permute, call: Call) -> None:
    order = after_permute(call.order(), layer.order)
    qparams = call.tensors.computed_qparams(call.node, integer=call.integer)
    x = call.converted(call.read(0), qparams)
    call.tensors.set_result(call.node, x, integer=call.integer, order=order)
