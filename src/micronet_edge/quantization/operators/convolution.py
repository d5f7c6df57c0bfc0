"""Convolutions and linear layers: products with a weight of int8, summed up in 32 bits."""

from collections.abc import Mapping
from math import inf, isfinite

from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.operator import Operator, WeightStorage
from micronet_edge.quantization.qparams import Range, weight_scales
from micronet_edge.quantization.stored_weights import (
    Matrix,
    applied,
    own_layout,
    stored_in_halves,
    stored_in_int8,
    stored_in_integers,
    weight_rows,
)


class MatrixOperator(Operator[Matrix]):
    def bounds(self, layer: Matrix, _node: fx.Node, *inputs: Range) -> Range:
        """All inputs at their worst ends at once; the zeros of a padding are among them."""
        ((low, high),) = inputs
        if not (isfinite(low) and isfinite(high)):
            return -inf, inf
        if not isinstance(layer, nn.Linear):
            low, high = min(low, 0.0), max(high, 0.0)
        weight = weight_rows(layer).detach().double().flatten(1)
        positive, negative = weight.clamp(min=0).sum(1), weight.clamp(max=0).sum(1)
        least, most = positive * low + negative * high, positive * high + negative * low
        bias = bias_of(layer).double()
        return float((least + bias).min()), float((most + bias).max())

    def accumulator_scale(self, call: Call[Matrix]) -> float:
        scales = weight_scales(weight_rows(call.layer).detach().numpy(), call.weight_limit)
        return call.inputs[0].scale * float(scales.max())

    def stored(self, call: Call[Matrix]) -> Mapping[str, Tensor]:
        limits = call.weight_limit, call.arithmetic.bias_limit
        _, tensors = stored_in_integers(call.layer, call.inputs[0], *limits)
        return tensors

    def in_integers(self, call: Call[Matrix], *inputs: Tensor) -> Tensor:
        (x,) = inputs
        return call.arithmetic.matrix(call, x)

    def in_float(self, layer: Matrix, storage: WeightStorage, *inputs: Tensor) -> Tensor:
        match storage:
            case WeightStorage.INT8:
                rows = stored_in_int8(weight_rows(layer))
            case WeightStorage.FLOAT16:
                rows = stored_in_halves(weight_rows(layer))
            case WeightStorage.FLOAT32:
                return applied(layer, {}, *inputs)
        return applied(layer, {"weight": own_layout(layer, rows)}, *inputs)
