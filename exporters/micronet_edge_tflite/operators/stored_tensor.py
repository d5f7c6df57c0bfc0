"""A tensor that the file stores, once for each image of its batch; no operator computes it."""

import numpy as np

from micronet_edge.lowering.ir.primitives import StoredTensor
from micronet_edge_tflite.operators import OPERATORS, in_integers
from micronet_edge_tflite.writer.axis_order import usual
from micronet_edge_tflite.writer.call import Call

in_integers(StoredTensor)


@OPERATORS.writes(StoredTensor)
def write(layer: StoredTensor, call: Call) -> None:
    order = usual(call.rank(call.node))
    whole = np.broadcast_to(layer.constant.numpy(), call.tensors.full_shape(call.node))
    index = call.constant("stored", whole.transpose(order), call.qparams)
    call.tensors.set_result(call.node, index, integer=call.integer, order=order)
