"""Gives the first linear tensor finer steps: two rectified halves in the place of a signed one."""

from math import prod

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, conv_at, is_dense, with_inputs, with_weights
from micronet_edge.lowering.ir.graph import calls, module_of, replace_module, shape_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of
from micronet_edge.lowering.ir.pass_base import Pass

SIGNS = "signs"


class SplitPositiveNegative(Pass):
    """Splits what one dense convolution hands to another into its positive and its negative part.

    Given    dense conv, c channels -> dense conv, the first such pair on a map of several pixels
    Result   conv, 2 c channels -> ReLU -> conv:  w * x = w * relu(x) - w * relu(-x)

    In float nothing changes. In int8 each half has 255 steps where both had to share them. Only the
    first pair is split: there maps are large and channels few, so that noise is most and work is least.
    """

    def change(self, network: fx.GraphModule) -> int:
        pair = find_signed(network)
        if pair is None:
            return 0
        node, reader = pair
        first, second = conv_at(node), conv_at(reader)
        weight, bias = (torch.cat([each, -each]) for each in (first.weight, bias_of(first)))
        replace_module(network, node, with_weights(first, weight, bias))
        weight = torch.cat([second.weight, -second.weight], dim=1)
        replace_module(network, reader, with_inputs(second, weight))
        write = LayerWriter(network, reader, layer_of(node))
        reader.args = (write(f"{node.target}/{SIGNS}", nn.ReLU(), node),)
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        if find_signed(network) is not None:
            raise LoweringError("the first linear tensor is still in one piece")


def find_signed(network: fx.GraphModule) -> tuple[fx.Node, fx.Node] | None:
    """The first two dense convolutions of which one alone reads the other, unless that is split already."""
    for node, conv in calls(network, nn.Conv2d):
        if SIGNS in {str(reader.target).rpartition("/")[2] for reader in node.users}:
            return None
        readers = list(node.users)
        behind = module_of(readers[0]) if len(readers) == 1 else None
        if is_dense(conv) and prod(shape_of(node)[2:]) > 1 and is_dense(behind):
            return node, readers[0]
    return None
