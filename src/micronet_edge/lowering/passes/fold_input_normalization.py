"""Lets a network read pixels in the place of normalized images."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, with_weights
from micronet_edge.lowering.ir.graph import inputs, module_of, shape_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant, Frame, MultiplyConstant

PIXELS = "pixels"
"""The name of the tensor that holds the image's pixels, from 0 (black) to 1."""

SCALED = f"{PIXELS}/scaled"
FRAMED = f"{PIXELS}/framed"


class FoldInputNormalization(Pass):
    """Puts the normalization of an image into the convolution that reads it.

    Given    image -> conv with zero padding
    Result   image * std + mean, the pixels -> Frame of the mean, which is what zeros were -> conv without
             padding, whose weights and bias normalize

    In float nothing changes. In integers a pixel is then one of 256 numbers exactly; a normalized image
    fills 235 of 255 steps that fall between its pixels' values, and to some networks the rounding to
    these is most of all noise.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing

    def change(self, network: fx.GraphModule) -> int:
        found = self._found(network)
        if found is None:
            return 0
        image, node, conv = found
        mean = torch.tensor(self.preprocessing.mean).view(1, -1, 1, 1)
        std = torch.tensor(self.preprocessing.std).view(1, -1, 1, 1)
        vertical, horizontal = (int(side) for side in conv.padding)
        # As wide as the image: XNNPACK repeats a row of numbers at once, but three numbers pixel by pixel.
        width = shape_of(image)[3]
        layers = (
            (SCALED, MultiplyConstant(std.repeat(1, 1, 1, width))),
            (PIXELS, AddConstant(mean.repeat(1, 1, 1, width))),
            (FRAMED, Frame(mean.flatten(), vertical, horizontal)),
        )
        write, last = LayerWriter(network, node, PIXELS), image
        for name, layer in layers:
            last = write(name, layer, last)
        node.args = (last,)
        network.set_submodule(str(node.target), _normalizing(conv, mean, std))
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        if self._found(network) is not None:
            raise LoweringError("the first convolution still reads normalized images")

    def _found(self, network: fx.GraphModule) -> tuple[fx.Node, fx.Node, nn.Conv2d] | None:
        """The image, the only input, and the convolution that alone reads it."""
        image, *others = inputs(network)
        readers = list(image.users)
        layer = module_of(readers[0]) if len(readers) == 1 and not others else None
        if not isinstance(layer, nn.Conv2d) or layer.in_channels != len(self.preprocessing.mean):
            return None
        fits = layer.groups == 1 and layer.padding_mode == "zeros"
        return (image, readers[0], layer) if fits else None


def pixels_of(network: fx.GraphModule) -> fx.Node | None:
    """The tensor that holds the image's pixels, where the network reads any."""
    return next((node for node in network.graph.nodes if node.target == PIXELS), None)


def _normalizing(conv: nn.Conv2d, mean: Tensor, std: Tensor) -> nn.Conv2d:
    weight = conv.weight.detach() / std
    result = with_weights(conv, weight, bias_of(conv) - (weight * mean).sum((1, 2, 3)))
    result.padding = (0, 0)
    return result.eval()
