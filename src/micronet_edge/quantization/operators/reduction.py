"""Means and sums along axes; the largest and the smallest of numbers only move them."""

from math import prod

from torch import fx

from micronet_edge.lowering.ir.graph import only_input, shape_of
from micronet_edge.lowering.ir.primitives import Mean, Sum
from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.operator import Operator, hull
from micronet_edge.quantization.qparams import Range


class MeanAlongAxesOperator(Operator[Mean]):
    def bounds(self, _layer: Mean, _node: fx.Node, *inputs: Range) -> Range:
        return hull(*inputs)

    def accumulator_scale(self, call: Call[Mean]) -> float:
        return call.inputs[0].scale


class SumOperator(Operator[Sum]):
    def bounds(self, _layer: Sum, node: fx.Node, *inputs: Range) -> Range:
        ((low, high),) = inputs
        terms = prod(shape_of(only_input(node))) // prod(shape_of(node))
        return terms * low, terms * high

    def accumulator_scale(self, call: Call[Sum]) -> float:
        return call.inputs[0].scale
