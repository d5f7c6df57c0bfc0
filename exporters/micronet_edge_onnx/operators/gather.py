"""Gather: channels in another order, or several times; without it they are slices, concatenated."""

import numpy as np

from micronet_edge.lowering.ir.reorder import GatheredReorder, Reorder, Repeat
from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import ONNXRUNTIME, OPERATORS
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Gather", formula=MOVES, allowed_in=(ONNXRUNTIME,))


@OPERATORS.writes(GatheredReorder, Repeat)
def write(layer: GatheredReorder | Repeat, call: Call) -> str:
    (x,) = call.inputs
    return call.model.picked(call.name, x, np.asarray(layer.index))


@OPERATORS.writes(Reorder)
def write_slices(layer: Reorder, call: Call) -> str:
    (x,) = call.inputs
    return call.model.joined(call.name, x, layer.pieces)
