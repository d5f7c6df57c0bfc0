"""Add: two tensors, or a tensor and a constant."""

import operator

import torch

from micronet_edge.lowering.ir.primitives import Add, AddConstant
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call, reads_tensors_alone

OPERATORS.names("Add", formula=elementwise(1), allowed_in=(PORTABLE,))


@OPERATORS.writes(Add, operator.add, torch.add, supports=reads_tensors_alone)
def write(_layer: Add | None, call: Call) -> str:
    return call.operator("Add", call.inputs)


@OPERATORS.writes(AddConstant)
def write_with_constant(layer: AddConstant, call: Call) -> str:
    return call.operator("Add", [*call.inputs, call.constant(layer)])
