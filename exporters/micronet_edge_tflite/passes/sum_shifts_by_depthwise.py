"""Applies the coefficients of a Dynamic Shift-Max by depthwise convolutions whose weights are computed."""

from collections.abc import Iterator

import numpy as np
from torch import fx

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.composite import PartWriter, Region, Role, regions
from micronet_edge.lowering.ir.graph import inputs_of, module_of, only_reader
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Add, Concatenate, Multiply
from micronet_edge.lowering.ir.reorder import GatheredReorder
from micronet_edge.util.layer_names import FusionPart, part_of_fusion, shifted_part
from micronet_edge_tflite.micro.layers import CoefficientRows, ShiftedSum


class SumShiftsByDepthwise(Pass):
    """Sums the shifted inputs of each fusion in the accumulator of one operator.

    Given    J shifted inputs, some of them slices -> Concatenate; their products with coefficients -> a sum
    Result   J shifted inputs, by one GatheredReorder each; with coefficients -> CoefficientRows -> ShiftedSum

    Products with one number per channel are no operator of CMSIS-NN: TensorFlow Lite Micro computes them in
    reference code. A depthwise convolution of J taps multiplies, sums and rounds once. To gather takes about
    as long as slices and their concatenation, but every operator has its bookkeeping in the arena.
    """

    def change(self, network: fx.GraphModule) -> int:
        found = [region for region in regions(network) if any(_products(region))]
        for region in found:
            shifted = [_gathered(network, region, j) for j in range(region.composite.shifts)]
            for fusion in range(region.composite.fusions):
                _sum_by_depthwise(network, region, fusion, shifted)
            for node in reversed(region.applying):
                if not node.users:
                    network.graph.erase_node(node)
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for region in regions(network):
            for node in _products(region):
                raise LoweringError(f"{node.target} still multiplies by coefficients")


def _products(region: Region) -> Iterator[fx.Node]:
    return (node for node in region.applying if isinstance(module_of(node), Multiply))


def _product_of(coefficient: fx.Node) -> fx.Node:
    product = only_reader(coefficient)
    if product is None or not isinstance(module_of(product), Multiply):
        raise LoweringError(f"{coefficient.target} is not a factor of one product")
    return product


def _gathered(network: fx.GraphModule, region: Region, j: int) -> fx.Node:
    """Shifted input j, gathered if it was joined from slices."""
    coefficient, x = region.coefficient(0, j), region.x
    (shifted,) = (each for each in inputs_of(_product_of(coefficient)) if each is not coefficient)
    if not isinstance(module_of(shifted), Concatenate):
        return shifted
    layer = GatheredReorder(np.array(region.composite.sources[j]))
    write = PartWriter(network, shifted, region.composite)
    return write.part(Role.APPLIES, f"{shifted_part(j)}_gathered", layer, x)


def _sum_by_depthwise(network: fx.GraphModule, region: Region, fusion: int, shifted: list[fx.Node]) -> None:
    coefficients = region.coefficients[fusion]
    total = _sum_of([_product_of(coefficient) for coefficient in coefficients])
    write, applies = PartWriter(network, total, region.composite), Role.APPLIES
    rows, mix = (part_of_fusion(fusion, part) for part in (FusionPart.MATRIX, FusionPart.MIX))
    weight = write.part(applies, rows, CoefficientRows(), *coefficients)
    total.replace_all_uses_with(write.part(applies, mix, ShiftedSum(), weight, *shifted))


def _sum_of(products: list[fx.Node]) -> fx.Node:
    """The node that gives the sum of the products."""
    total = products[0]
    for _ in products[1:]:
        reader = only_reader(total)
        assert reader is not None
        assert isinstance(module_of(reader), Add)  # as decomposition writes it
        total = reader
    return total
