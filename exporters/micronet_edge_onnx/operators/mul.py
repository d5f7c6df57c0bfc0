"""Mul: two tensors, or a tensor and a constant."""

import operator

import torch

from micronet_edge.counting import arithmetic
from micronet_edge.lowering.ir.primitives import Multiply, MultiplyConstant
from micronet_edge_onnx.formula import Formula
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call, reads_tensors_alone

OPERATORS.names(
    "Mul",
    formula=Formula(lambda _node, _inputs, result: arithmetic.multiplication(result)),
    allowed_in=(PORTABLE,),
)


@OPERATORS.writes(Multiply, operator.mul, torch.mul, supports=reads_tensors_alone)
def write(_layer: Multiply | None, call: Call) -> str:
    return call.operator("Mul", call.inputs)


@OPERATORS.writes(MultiplyConstant)
def write_with_constant(layer: MultiplyConstant, call: Call) -> str:
    return call.operator("Mul", [*call.inputs, call.constant(layer)])
