"""Decomposes Dynamic Shift-Max into layers that are one operator each, marked as parts of one composite."""

from math import prod

import numpy as np
import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.ir.channel_order import segments
from micronet_edge.lowering.ir.composite import PartWriter, Role, ShiftMax
from micronet_edge.lowering.ir.convolutions import with_weights
from micronet_edge.lowering.ir.frozen_shift_max import RELU6_SPAN, FrozenShiftMax
from micronet_edge.lowering.ir.graph import only_input, shape_of
from micronet_edge.lowering.ir.primitives import (
    Add,
    AddConstant,
    Channels,
    Concatenate,
    DynamicPointwise,
    DynamicPointwiseWeight,
    Maximum,
    Multiply,
    MultiplyConstant,
)
from micronet_edge.lowering.ir.reorder import GatheredReorder
from micronet_edge.util.layer_names import FusionPart, Part, part_of_fusion, shifted_part

_MOST_FUSIONS = 2


def decompose_shift_max(
    layer: FrozenShiftMax, network: fx.GraphModule, node: fx.Node, costs: Costs, *, rounded: bool
) -> fx.Node:
    """The node that gives the result of the layers written in front of the one that calls the activation.

    A fusion of shifted inputs becomes a product with a matrix of each image's own where that costs
    less: it then sums in the accumulator, and no product is rounded.

    A runtime that gathers gets each shifted input by one Gather.

    In a network that will be `rounded` every coefficient comes of a convolution of its own, which gives
    it a range of its own. One that stays in float gets all of them at once.

    Raises LoweringError on one of more than two fusions that will be rounded.
    """
    x = only_input(node)
    if layer.fusions > _MOST_FUSIONS and rounded:
        raise LoweringError(f"{x.name} enters an activation of {layer.fusions} fusions: a maximum takes two")
    write = PartWriter(network, node, ShiftMax(str(node.target), layer.sources, layer.fusions))
    pays = layer.shifts > 1 and costs.mixing_pays(layer.channels, prod(shape_of(x)[2:]))
    mixes = pays and _disjoint(layer.sources)
    shifted = _gathered if costs.gathers else _shifted
    first = shifted(write, x, layer.sources[0], 0)
    rest = [] if mixes else [shifted(write, x, source, j) for j, source in enumerate(layer.sources) if j]
    squeezed = _squeezed(layer, write, first)
    coefficients = _apart if rounded else _together
    fused = []
    for k, chosen in enumerate(coefficients(layer, write, squeezed)):
        fused.append(
            _mixed(layer, write, k, x, chosen) if mixes else _summed(write, k, [first, *rest], chosen)
        )
    return _largest(write, fused)


def _largest(write: PartWriter, fused: list[fx.Node]) -> fx.Node:
    largest = fused[0]
    for number, other in enumerate(fused[1:], start=1):
        name = Part.MAXIMUM if number == len(fused) - 1 else f"{Part.MAXIMUM}{number}"
        largest = write.part(Role.APPLIES, name, Maximum(), largest, other)
    return largest


def _disjoint(sources: tuple[tuple[int, ...], ...]) -> bool:
    """Whether no output takes one input twice: each place of the matrix then holds one coefficient."""
    return all(len(set(inputs)) == len(inputs) for inputs in zip(*sources, strict=True))


def _shifted(write: PartWriter, x: fx.Node, source: tuple[int, ...], j: int) -> fx.Node:
    pieces = segments(np.array(source))
    if pieces == [(0, shape_of(x)[1])]:
        return x
    slices = [
        write.part(Role.APPLIES, shifted_part(j, start, stop), Channels(start, stop), x)
        for start, stop in pieces
    ]
    if len(slices) == 1:
        return slices[0]
    return write.part(Role.APPLIES, shifted_part(j), Concatenate(), *slices)


def _gathered(write: PartWriter, x: fx.Node, source: tuple[int, ...], j: int) -> fx.Node:
    if source == tuple(range(shape_of(x)[1])):
        return x
    return write.part(Role.APPLIES, shifted_part(j), GatheredReorder(np.array(source)), x)


def _squeezed(layer: FrozenShiftMax, write: PartWriter, x: fx.Node) -> fx.Node:
    mean = write.part(Role.MAKES_COEFFICIENTS, Part.MEAN, nn.AdaptiveAvgPool2d(1), x)
    squeeze = write.part(Role.MAKES_COEFFICIENTS, Part.SQUEEZE, layer.squeeze, mean)
    return write.part(Role.SQUEEZED, Part.SQUEEZED, nn.ReLU(), squeeze)


def _apart(layer: FrozenShiftMax, write: PartWriter, squeezed: fx.Node) -> list[list[fx.Node]]:
    return [
        [_coefficient(layer, write, squeezed, k, j) for j in range(layer.shifts)]
        for k in range(layer.fusions)
    ]


def _coefficient(layer: FrozenShiftMax, write: PartWriter, squeezed: fx.Node, k: int, j: int) -> fx.Node:
    """A convolution of its own for each coefficient: it gives the number itself, on a range of its own."""
    part = _part(layer, k, j)
    (offset,) = set(layer.offset.flatten()[part].tolist())
    excite = layer.excite
    assert excite.bias is not None
    weight, bias = excite.weight[part] * layer.scale, (excite.bias[part] + offset) * layer.scale
    conv = with_weights(excite, weight, bias)
    y = write.part(Role.MAKES_COEFFICIENTS, part_of_fusion(k, FusionPart.EXCITE, j), conv, squeezed)
    low, high = offset * layer.scale, (offset + RELU6_SPAN) * layer.scale
    clip = nn.Hardtanh(low, high)
    return write.part(Role.COEFFICIENT, part_of_fusion(k, FusionPart.COEFFICIENT, j), clip, y, place=(k, j))


def _together(layer: FrozenShiftMax, write: PartWriter, squeezed: fx.Node) -> list[list[fx.Node]]:
    """One convolution for all coefficients, one clip and one addition."""
    making = Role.MAKES_COEFFICIENTS
    gate = write.part(making, Part.GATE, nn.ReLU6(), write.part(making, Part.EXCITE, layer.excite, squeezed))
    all_ = write.part(making, Part.COEFFICIENTS, AddConstant(layer.offset), gate)
    if layer.scale != 1.0:
        all_ = write.part(making, Part.SCALED, MultiplyConstant(torch.tensor(layer.scale)), all_)
    parts = [[_part(layer, k, j) for j in range(layer.shifts)] for k in range(layer.fusions)]
    return [
        [
            write.part(
                Role.COEFFICIENT,
                part_of_fusion(k, FusionPart.COEFFICIENT, j),
                Channels(part.start, part.stop),
                all_,
                place=(k, j),
            )
            for j, part in enumerate(row)
        ]
        for k, row in enumerate(parts)
    ]


def _part(layer: FrozenShiftMax, k: int, j: int) -> slice:
    """The channels of fusion k and shift j among all coefficients."""
    first = (k * layer.shifts + j) * layer.channels
    return slice(first, first + layer.channels)


def _mixed(layer: FrozenShiftMax, write: PartWriter, k: int, x: fx.Node, chosen: list[fx.Node]) -> fx.Node:
    mixing = DynamicPointwiseWeight(layer.sources, shape_of(x)[1])
    matrix = write.part(Role.APPLIES, part_of_fusion(k, FusionPart.MATRIX), mixing, *chosen)
    return write.part(Role.APPLIES, part_of_fusion(k, FusionPart.MIX), DynamicPointwise(), x, matrix)


def _summed(write: PartWriter, k: int, shifted: list[fx.Node], chosen: list[fx.Node]) -> fx.Node:
    total: fx.Node | None = None
    for j, (x, coefficient) in enumerate(zip(shifted, chosen, strict=True)):
        product = write.part(
            Role.APPLIES, part_of_fusion(k, FusionPart.PRODUCT, j), Multiply(), x, coefficient
        )
        if total is None:
            total = product
        else:
            total = write.part(Role.APPLIES, part_of_fusion(k, FusionPart.SUM, j), Add(), total, product)
    assert total is not None  # there is at least the input itself
    return total
