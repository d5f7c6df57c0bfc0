"""Lets the convolution that reads pixels subtract their mean, where its map is smaller than the image."""

from math import prod

from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, with_weights
from micronet_edge.lowering.ir.graph import module_of, shape_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.passes.read_pixels import CENTERED

UNCENTERED = "pixels/border"


class FoldMean(Pass):
    """Moves the mean behind the convolution: a constant of its map, which is zero away from the border.

    Given    pixels -> AddConstant of -mean -> conv with zero padding [-> AddConstant]
    Result   pixels -> conv, whose bias takes the mean -> AddConstant of what the border has too much

    An addition over the whole image takes about as long as all else that reads it. A map that has as many
    numbers gains nothing.
    """

    def change(self, network: fx.GraphModule) -> int:
        found = _found(network)
        if found is None:
            return 0
        centered, node = found
        conv, mean = module_of(node), module_of(centered)
        assert isinstance(conv, nn.Conv2d)  # as `_found` says
        assert isinstance(mean, AddConstant)
        inside, everywhere = _shares(conv, mean.constant, shape_of(centered))  # of the pixels' mean
        centered.replace_all_uses_with(centered.all_input_nodes[0])
        network.graph.erase_node(centered)
        network.set_submodule(
            str(node.target),
            with_weights(conv, conv.weight.detach(), bias_of(conv) + everywhere.flatten()).eval(),
        )
        _add_behind(network, node, inside - everywhere)
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        if _found(network) is not None:
            raise LoweringError("a convolution still reads pixels less their mean")


def _found(network: fx.GraphModule) -> tuple[fx.Node, fx.Node] | None:
    """The sum with the mean, and the convolution that alone reads it."""
    centered = next((node for node in network.graph.nodes if node.target == CENTERED), None)
    if centered is None or len(centered.users) != 1:
        return None
    (node,) = centered.users
    conv = module_of(node)
    if not isinstance(conv, nn.Conv2d) or conv.padding_mode != "zeros" or isinstance(conv.padding, str):
        return None
    return (centered, node) if prod(shape_of(node)) < prod(shape_of(centered)) else None


def _shares(conv: nn.Conv2d, mean: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """What the mean adds to each number of the map, and what it adds away from the border."""
    padded = mean.new_zeros(1, *shape[1:]) + mean
    weight = conv.weight.detach()
    inside = nn.functional.conv2d(padded, weight, None, conv.stride, conv.padding, conv.dilation, conv.groups)
    everywhere = (weight * mean[..., :1].reshape(1, -1, 1, 1)).sum((1, 2, 3))
    return inside, everywhere.view(1, -1, 1, 1)


def _add_behind(network: fx.GraphModule, node: fx.Node, constant: Tensor) -> None:
    """Adds a constant to the map: to the one that is added already, if there is one."""
    (reader, *others) = node.users
    layer = module_of(reader)
    if not others and isinstance(layer, AddConstant):
        network.set_submodule(str(reader.target), AddConstant(layer.constant + constant))
        return
    readers = list(node.users)
    last = LayerWriter(network, readers[0], UNCENTERED)(UNCENTERED, AddConstant(constant), node)
    for each in readers:
        each.replace_input_with(node, last)
