"""A tensor that the file stores, once for each image of its batch; no operator computes it."""

import numpy as np
from torch import fx

from micronet_edge.lowering.ir.primitives import StoredTensor
from micronet_edge_tflite.operators import OPERATORS, in_integers
from micronet_edge_tflite.writer.axis_order import usual
from micronet_edge_tflite.writer.call import Call

in_integers(StoredTensor)


@OPERATORS.writes(StoredTensor)
def write(layer: StoredTensor, call: Call) -> None:
    """In both forms where both are read: LiteRT dequantizes no constant that is an output."""
    order = usual(call.rank(call.node))
    values = np.broadcast_to(layer.constant.numpy(), call.tensors.full_shape(call.node)).transpose(order)
    index = call.constant("stored", values, call.qparams)
    call.tensors.set_result(call.node, index, integer=call.integer, order=order)
    if call.integer and any(_reads_float(call, reader) for reader in call.node.users):
        number = call.constant("stored/float", values, None)
        call.tensors.set_result(call.node, number, integer=False, order=order)


def _reads_float(call: Call, reader: fx.Node) -> bool:
    return reader.op == "output" or not call.tensors.quantized.is_integer(reader)
