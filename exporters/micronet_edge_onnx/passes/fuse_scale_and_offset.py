"""Writes a factor and an offset for each channel of a map as one layer."""

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import (
    batch_axis,
    bypass,
    module_of,
    only_input,
    only_reader,
    replace_module,
    shape_of,
)
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant, MultiplyConstant
from micronet_edge.lowering.passes.fold_constants import by_channel

_MAP_RANK = 4


class FuseScaleAndOffset(Pass):
    """Makes a batch norm of what is left of one in front of an activation or a convolution.

    Given    map -> MultiplyConstant -> AddConstant -> y, of one number for each channel
    Result   map -> BatchNorm2d -> y

    ONNX Runtime computes it at once, in its own order of channels, and with the activation behind it.
    """

    def change(self, network: fx.GraphModule) -> int:
        nodes = [node for node in network.graph.nodes if _offset_of(node) is not None]
        for node in nodes:
            offset = _offset_of(node)
            assert offset is not None
            replace_module(network, offset, _norm(node, offset))
            bypass(network, node)
        return len(nodes)

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if _offset_of(node) is not None:
                raise LoweringError(f"{node.target} could still be a part of a BatchNorm2d")


def _offset_of(node: fx.Node) -> fx.Node | None:
    """What adds the offset behind the factor that the node multiplies by, if anything does."""
    reader = only_reader(node)
    if not isinstance(module_of(node), MultiplyConstant) or reader is None:
        return None
    if not isinstance(module_of(reader), AddConstant) or len(shape_of(node)) != _MAP_RANK:
        return None
    plain = batch_axis(only_input(node)) == batch_axis(node) == 0
    return reader if plain and all(by_channel(each, 1) is not None for each in (node, reader)) else None


def _norm(factor: fx.Node, offset: fx.Node) -> nn.BatchNorm2d:
    """The norm of a mean of 0 and a variance of 1."""
    scale, shift = by_channel(factor, 1), by_channel(offset, 1)
    assert scale is not None
    assert shift is not None
    norm = nn.BatchNorm2d(len(scale), eps=0.0)
    with torch.no_grad():
        norm.weight.copy_(scale)
        norm.bias.copy_(shift)
    return norm.eval()
