"""Computes a network in half-up arithmetic with integers alone, as generated C does, node by node."""

from itertools import product

import numpy as np
from torch import nn

from micronet_edge.lowering.ir.composite import regions
from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.lowering.ir.primitives import Add, Channels, Concatenate, Maximum, Multiply
from micronet_edge.lowering.ir.reorder import GatheredReorder
from micronet_edge.models import ChannelShuffle
from micronet_edge.quantization.half_up_constants import (
    add_constants,
    has_table,
    matrix_constants,
    mean_constants,
    product_constants,
    table_of,
)
from micronet_edge.quantization.half_up_shift_max import shift_max_constants
from micronet_edge.quantization.quantized_tensors import clip_after, is_done_before, tensor_name


def requantize(sums, constants):
    """One requantization of sums [n, c, ...], by the letter of its definition."""
    assert np.abs(sums).max(initial=0) < 1 << 31
    multipliers = constants.multipliers.astype(np.int64).reshape(-1, *[1] * (sums.ndim - 2))
    shifted = (sums << constants.shift).clip(-(1 << 31), (1 << 31) - 1)
    found = ((shifted * multipliers + (1 << 30)) >> 31) + constants.zero_point
    return found.clip(constants.low, constants.high)


class Interpreter:
    """All int8 tensors of a quantized network, by node; those inside of kernels are left out."""

    def __init__(self, quantized):
        self._quantized = quantized
        self._regions = {region.result: region for region in regions(quantized.network)}

    def tensors(self, image):
        """`image` is int8, [n, 3, h, w]."""
        values = {}
        for node in self._quantized.network.graph.nodes:
            if node.op == "placeholder":
                values[node] = image.astype(np.int64)
            elif node.op == "call_module" and tensor_name(node) not in self._quantized.fused_layers:
                values[node] = self._computed(node, values)
        return values

    def compared(self, node):
        """Whether the integers that the node has here are those of its own tensor."""
        inside = tensor_name(node) in self._quantized.fused_layers
        return node.op != "output" and not inside and clip_after(node) is None

    def _computed(self, node, values):
        layer = module_of(node)
        region = self._regions.get(node)
        if region is not None and set(map(tensor_name, region.nodes)) & self._quantized.fused_layers.keys():
            return self._shift_max(region, values)
        if has_table(node):
            (x,) = inputs_of(node)
            return table_of(self._quantized, node)[values[x] + 128].astype(np.int64)
        call = self._quantized.call(node, layer)
        inputs = [values[each] for each in inputs_of(node)]
        for kind, compute in OPERATORS.items():
            if isinstance(layer, kind):
                return compute(call, *inputs)
        assert is_done_before(node), node.target
        return inputs[0]

    def _shift_max(self, region, values):
        constants = shift_max_constants(self._quantized, region)
        matrix, fusions, shifts = constants.coefficients, constants.fusions, constants.shifts
        squeezed, x = (values[node] for node in (region.squeezed, region.x))
        sums = squeezed[:, :, 0, 0] @ matrix.weight.astype(np.int64).T + matrix.folded_bias
        rows = requantize(sums, matrix.requantization).reshape(len(x), -1, fusions * shifts)
        coefficients = (rows + constants.offsets).reshape(len(x), -1, fusions, shifts)
        shifted = [x[:, list(source)] - constants.x_zero for source in constants.sources]
        totals = [
            sum(coefficients[:, :, k, j, None, None] * shifted[j] for j in range(shifts))
            for k in range(fusions)
        ]
        return requantize(np.maximum.reduce(totals), constants.result)


def _matrix(call, x):
    layer, constants = call.layer, matrix_constants(call)
    weight = constants.weight.astype(np.int64)
    if isinstance(layer, nn.Linear):
        return requantize(x @ weight.T + constants.folded_bias, constants.requantization)
    sums = _convolved(layer, weight, x, constants.x_zero)
    return requantize(sums + constants.folded_bias[:, None, None], constants.requantization)


def _convolved(layer, weight, x, border):
    """Sums of products of bytes as they are: borders hold the zero point."""
    vertical, horizontal = layer.padding
    padded = np.pad(
        x, ((0, 0), (0, 0), (vertical,) * 2, (horizontal,) * 2), mode="constant", constant_values=border
    )
    (rows, columns), (down, right) = layer.kernel_size, layer.stride
    height = (padded.shape[2] - rows) // down + 1
    width = (padded.shape[3] - columns) // right + 1
    sums = np.zeros((len(x), len(weight), height, width), np.int64)
    inputs, outputs = weight.shape[1], len(weight) // layer.groups
    for group, row, column in product(range(layer.groups), range(rows), range(columns)):
        own = slice(group * outputs, (group + 1) * outputs)
        seen = padded[:, group * inputs : (group + 1) * inputs, row:, column:]
        seen = seen[:, :, : down * height : down, : right * width : right][:, :, :height, :width]
        sums[:, own] += np.einsum("oi,nihw->nohw", weight[own, :, row, column], seen)
    return sums


def _sum(call, first, second):
    constants = add_constants(call)
    (a, b), (a_zero, b_zero) = constants.factors, constants.zeros
    assert min(a, b) >= 0
    assert max(a, b) == 1 << 14
    return requantize(a * (first - a_zero) + b * (second - b_zero), constants.requantization)


def _product(call, first, second):
    constants = product_constants(call)
    a_zero, b_zero = constants.zeros
    return requantize((first - a_zero) * (second - b_zero), constants.requantization)


def _mean(call, x):
    constants = mean_constants(call, x.shape[2] * x.shape[3])
    return requantize(x.sum((2, 3), keepdims=True) + constants.bias, constants.requantization)


OPERATORS = {
    nn.Conv2d: _matrix,
    nn.Linear: _matrix,
    Add: _sum,
    Multiply: _product,
    nn.AdaptiveAvgPool2d: _mean,
    Maximum: lambda _, first, second: np.maximum(first, second),
    nn.Flatten: lambda _, x: x.reshape(len(x), -1),
    Channels: lambda call, x: x[:, call.layer.start : call.layer.stop],
    Concatenate: lambda _, *tensors: np.concatenate(tensors, 1),
    ChannelShuffle: lambda call, x: x[:, list(call.layer.source(x.shape[1]))],
    GatheredReorder: lambda call, x: x[:, call.layer.index],
}
