"""Reads a channel shuffle that a user wrote as a reshape, a transposition and a reshape."""

from torch import fx

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
from micronet_edge.lowering.ir.primitives import Permute, Reshape
from micronet_edge.models import ChannelShuffle

_MAP_RANK = 4
_SWAPPED = (0, 2, 1, 3, 4)


class RecognizeChannelShuffle(Pass):
    """Makes one layer of the usual three, so that channels in another order can absorb it.

    Given    map [n, c, h, w] -> Reshape [n, g, c / g, h, w] -> Permute of g and c / g -> Reshape [n, c, h, w]
    Result   map -> ChannelShuffle of g groups
    """

    def change(self, network: fx.GraphModule) -> int:
        nodes = [node for node in network.graph.nodes if _groups(node) is not None]
        for node in nodes:
            groups, swap = _groups(node), only_input(node)
            assert groups is not None
            replace_module(network, node, ChannelShuffle(groups))
            bypass(network, only_input(swap))
            bypass(network, swap)
        return len(nodes)

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if _groups(node) is not None:
                raise LoweringError(f"{node.target} could still be a ChannelShuffle")


def _groups(node: fx.Node) -> int | None:
    """Of the shuffle that ends in the node, if one does."""
    if not isinstance(module_of(node), Reshape) or len(shape_of(node)) != _MAP_RANK:
        return None
    swap = only_input(node)
    permute = module_of(swap)
    if not isinstance(permute, Permute) or permute.order != _SWAPPED:
        return None
    split = only_input(swap)
    if not isinstance(module_of(split), Reshape) or only_reader(swap) is None or only_reader(split) is None:
        return None
    source = only_input(split)
    n, groups, each, *pixels = shape_of(split)
    whole = shape_of(source) == shape_of(node) == (n, groups * each, *pixels)
    plain = all(batch_axis(part) == 0 for part in (source, split, swap, node))
    return groups if whole and plain else None
