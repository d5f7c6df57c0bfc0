"""Applies the coefficients of a Dynamic Shift-Max by depthwise convolutions whose weights are computed."""

from collections.abc import Iterator

from torch import fx

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.composite import PartWriter, Region, Role, regions
from micronet_edge.lowering.ir.graph import inputs_of, module_of, only_reader
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Add, Multiply
from micronet_edge.models.layer_names import FusionPart, part_of_fusion
from micronet_edge_tflite.micro.layers import CoefficientRows, ShiftedSum


class SumShiftsByDepthwise(Pass):
    """Sums the shifted inputs of each fusion in the accumulator of one operator.

    Given    the products of J shifted inputs and coefficients -> their sum
    Result   coefficients -> CoefficientRows; with the shifted inputs -> ShiftedSum

    Products with one number per channel are no operator of CMSIS-NN: TensorFlow Lite Micro computes them in
    reference code. A depthwise convolution of J taps multiplies, sums and rounds once.
    """

    def change(self, network: fx.GraphModule) -> int:
        found = [region for region in regions(network) if any(_products(region))]
        for region in found:
            for fusion in range(region.composite.fusions):
                _sum_by_depthwise(network, region, fusion)
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for region in regions(network):
            for node in _products(region):
                raise LoweringError(f"{node.target} still multiplies by coefficients")


def _products(region: Region) -> Iterator[fx.Node]:
    return (node for node in region.applying if isinstance(module_of(node), Multiply))


def _sum_by_depthwise(network: fx.GraphModule, region: Region, fusion: int) -> None:
    coefficients = region.coefficients[fusion]
    products = [_product_of(coefficient) for coefficient in coefficients]
    shifted = [source for product in products for source in inputs_of(product) if source not in coefficients]
    total, replaced = _sum_of(products)
    write, applies = PartWriter(network, total, region.composite), Role.APPLIES
    rows, mix = (part_of_fusion(fusion, part) for part in (FusionPart.MATRIX, FusionPart.MIX))
    weight = write.part(applies, rows, CoefficientRows(), *coefficients)
    total.replace_all_uses_with(write.part(applies, mix, ShiftedSum(), weight, *shifted))
    for node in reversed(replaced):
        network.graph.erase_node(node)


def _product_of(coefficient: fx.Node) -> fx.Node:
    product = only_reader(coefficient)
    if product is None or not isinstance(module_of(product), Multiply):
        raise LoweringError(f"{coefficient.target} is not a factor of one product")
    return product


def _sum_of(products: list[fx.Node]) -> tuple[fx.Node, list[fx.Node]]:
    """The node that gives the sum of the products, and all nodes that compute it, in order."""
    sums: list[fx.Node] = []
    total = products[0]
    for _ in products[1:]:
        reader = only_reader(total)
        assert reader is not None
        assert isinstance(module_of(reader), Add)  # as decomposition writes it
        sums.append(total := reader)
    return total, [*products, *sums]
