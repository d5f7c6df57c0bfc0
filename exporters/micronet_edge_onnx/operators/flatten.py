"""Flatten: each image as one row."""

import torch
from torch import nn

from micronet_edge.lowering.ir.graph import is_flatten
from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Flatten", formula=MOVES, allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.Flatten, "flatten", torch.flatten, supports=is_flatten)
def write(_layer: nn.Flatten | None, call: Call) -> str:
    if call.sources[0] in call.tensors.rows:
        return call.held[0]
    return call.operator("Flatten", call.inputs, axis=1)
