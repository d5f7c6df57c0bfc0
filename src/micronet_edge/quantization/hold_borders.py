"""Borders of a constant share the integers of the map that they surround, which must hold them."""

from collections.abc import Iterator, Mapping
from math import isfinite

from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.primitives import Frame, Pad
from micronet_edge.quantization.operators.constants import ends_of
from micronet_edge.quantization.operators.operator import hull
from micronet_edge.quantization.operators.registry import operator_at
from micronet_edge.quantization.qparams import BYTE, Range
from micronet_edge.quantization.quantized_tensors import quantized_tensors, tensor_name


def holding_borders(network: fx.GraphModule, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges, widened to hold the borders that are added to their tensors.

    A border that only max pools read may saturate: it is the least number there as well.
    """
    owners, held = quantized_tensors(network), dict(ranges)
    for node, border in _borders(network):
        owner = owners.get(tensor_name(node), "")
        if owner in held:
            low, high = hull(held[owner], border)
            held[owner] = (held[owner][0] if _is_only_pooled(node) else low, high)
    return held


def borders_beyond(network: fx.GraphModule) -> Iterator[fx.Node]:
    """The operators that add a border which the fixed quantization parameters of their tensor cannot hold."""
    owners = quantized_tensors(network)
    fixed = {tensor_name(node): operator_at(node).fixed_result for node in network.graph.nodes}
    for node, (low, high) in _borders(network):
        qparams = fixed.get(owners.get(tensor_name(node), ""), {}).get(BYTE)
        if qparams is not None and (low < qparams.low or high > qparams.high + qparams.scale):
            yield node


def _borders(network: fx.GraphModule) -> Iterator[tuple[fx.Node, Range]]:
    """The operators that add a border of finite numbers, and between which it lies."""
    for node in network.graph.nodes:
        layer = module_of(node)
        if isinstance(layer, Frame):
            yield node, ends_of(layer.values)
        elif isinstance(layer, Pad) and layer.value is not None and isfinite(layer.value):
            yield node, (layer.value, layer.value)


def _is_only_pooled(node: fx.Node) -> bool:
    return all(isinstance(module_of(reader), nn.MaxPool2d) for reader in node.users)
