"""Ranges that mathematics gives: between these ends a tensor stays, whatever the image."""

from collections.abc import Mapping
from functools import singledispatch
from math import inf, isfinite

from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import inputs_of, module_of, shape_of
from micronet_edge.lowering.ir.primitives import (
    Add,
    AddConstant,
    DynamicPointwise,
    DynamicPointwiseWeight,
    Frame,
    Maximum,
    Multiply,
    MultiplyConstant,
)
from micronet_edge.quantization.quantized_tensors import keeps_qparams, tensor_name

Range = tuple[float, float]

NEAR = 0.05
"""The part of a range by which it is widened at most to reach a bound: so much resolution safety is worth.

With a quarter m1 of examples/patches lost 1.0 point of top-1 in TFLite; with a twentieth nothing that shows.
"""


def bounds_of(network: fx.GraphModule, image: Range) -> dict[str, Range]:
    """Between which ends each tensor of a decomposed network stays, by name.

    Given    the range of the network's input
    Result   bounds by interval arithmetic: tight behind a clip, and soon too wide to be of use behind
             convolutions that nothing cuts off
    """
    bounds: dict[str, Range] = {}
    for node in network.graph.nodes:
        if node.op == "output":
            continue
        layer = module_of(node)
        given = [bounds[tensor_name(source)] for source in inputs_of(node)]
        bounds[tensor_name(node)] = image if layer is None else _bound(layer, node, *given)
    return bounds


def bounded(ranges: Mapping[str, Range], bounds: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges, out to a bound where one is near: there nothing is ever cut off."""
    return {name: _toward(span, bounds.get(name, span)) for name, span in ranges.items()}


def _toward(span: Range, bound: Range) -> Range:
    low, high = span
    least, most = bound
    room = NEAR * (high - low)
    return (
        least if low - room <= least <= low else low,
        most if high <= most <= high + room else high,
    )


@singledispatch
def _bound(_layer: nn.Module, node: fx.Node, *given: Range) -> Range:
    """The ends of what a layer gives, between which ends its inputs stay."""
    if keeps_qparams(node) or isinstance(_layer, nn.AdaptiveAvgPool2d):
        return min(low for low, _ in given), max(high for _, high in given)
    return -inf, inf


@_bound.register(nn.Conv2d)
@_bound.register(nn.Linear)
def _of_sums(layer: nn.Conv2d | nn.Linear, _node: fx.Node, given: Range) -> Range:
    """All inputs at their worst ends at once; the zeros of a padding are among them."""
    low, high = given
    if not (isfinite(low) and isfinite(high)):
        return -inf, inf
    if isinstance(layer, nn.Conv2d):
        low, high = min(low, 0.0), max(high, 0.0)
    weight: Tensor = layer.weight.detach().double().flatten(1)
    positive, negative = weight.clamp(min=0).sum(1), weight.clamp(max=0).sum(1)
    least, most = positive * low + negative * high, positive * high + negative * low
    bias = bias_of(layer).double()
    return float((least + bias).min()), float((most + bias).max())


@_bound.register(nn.Hardtanh)
def _of_clip(layer: nn.Hardtanh, _node: fx.Node, given: Range) -> Range:
    """A ReLU6 is one, and so is what makes a coefficient."""
    least, most = float(layer.min_val), float(layer.max_val)
    low, high = (min(max(end, least), most) for end in given)
    return low, high


@_bound.register
def _of_relu(_layer: nn.ReLU, _node: fx.Node, given: Range) -> Range:
    return max(given[0], 0.0), max(given[1], 0.0)


@_bound.register
def _of_product(_layer: Multiply, _node: fx.Node, first: Range, second: Range) -> Range:
    # Nothing times infinity is nothing: what is zero is zero in every image.
    products = [0.0 if 0 in (a, b) else a * b for a in first for b in second]
    return min(products), max(products)


@_bound.register
def _of_mixture(_layer: DynamicPointwise, node: fx.Node, x: Range, matrix: Range) -> Range:
    low, high = _of_product(Multiply(), node, x, matrix)
    _, placed = inputs_of(node)
    # A matrix holds as many coefficients for each number as shifts are mixed; any other may be full.
    layer = module_of(placed)
    terms = len(layer.sources) if isinstance(layer, DynamicPointwiseWeight) else int(shape_of(placed)[1])
    return terms * min(low, 0.0), terms * max(high, 0.0)


@_bound.register
def _of_sum(_layer: Add, _node: fx.Node, first: Range, second: Range) -> Range:
    return first[0] + second[0], first[1] + second[1]


@_bound.register
def _of_maximum(_layer: Maximum, _node: fx.Node, first: Range, second: Range) -> Range:
    return max(first[0], second[0]), max(first[1], second[1])


@_bound.register
def _of_shift(layer: AddConstant, _node: fx.Node, given: Range) -> Range:
    return given[0] + float(layer.constant.min()), given[1] + float(layer.constant.max())


@_bound.register
def _of_scaling(layer: MultiplyConstant, node: fx.Node, given: Range) -> Range:
    return _of_product(Multiply(), node, given, (float(layer.constant.min()), float(layer.constant.max())))


@_bound.register
def _of_matrix(_layer: DynamicPointwiseWeight, _node: fx.Node, *coefficients: Range) -> Range:
    """The places without a coefficient hold zeros."""
    return min(0.0, *(low for low, _ in coefficients)), max(0.0, *(high for _, high in coefficients))


@_bound.register
def _of_frame(layer: Frame, _node: fx.Node, given: Range) -> Range:
    return min(given[0], float(layer.values.min())), max(given[1], float(layer.values.max()))
