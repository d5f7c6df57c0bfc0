"""Lets a network that computes in float read pixels in the place of normalized images."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, with_weights
from micronet_edge.lowering.ir.graph import inputs, module_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant, Denormalize, MultiplyConstant
from micronet_edge.lowering.passes.fold_input_normalization import PIXELS, pixels_of

CENTERED = f"{PIXELS}/centered"
NORMALIZED = f"{PIXELS}/normalized"


class ReadPixels(Pass):
    """Makes the pixels of an image a tensor of the network, at which a file may start.

    Given    image -> readers
    Result   image -> Denormalize, the pixels -> AddConstant of -mean -> MultiplyConstant of 1 / std ->
             readers; where one convolution alone reads the image, its weights divide by std, and without
             padding its bias takes the mean

    `white` is the number of a white pixel, 1 or 255. Unless it `folds`, no convolution changes: the weights
    of a quantized network are to stay as they are.
    """

    def __init__(self, preprocessing: Preprocessing, white: float, *, folds: bool = True) -> None:
        self._mean = torch.tensor(preprocessing.mean).view(1, -1, 1, 1) * white
        self._std = torch.tensor(preprocessing.std).view(1, -1, 1, 1) * white
        self._folds = folds

    def change(self, network: fx.GraphModule) -> int:
        if pixels_of(network) is not None:
            return 0
        (image,) = inputs(network)
        readers = list(image.users)
        conv = _conv(readers) if self._folds else None
        padded = conv is None or any(int(side) for side in conv.padding)
        write, last = LayerWriter(network, readers[0], PIXELS), image
        last = write(PIXELS, Denormalize(self._mean, self._std), last)
        if padded:
            last = write(CENTERED, AddConstant(-self._mean), last)
        if conv is None:
            last = write(NORMALIZED, MultiplyConstant(1 / self._std), last)
        else:
            mean = torch.zeros_like(self._mean) if padded else self._mean
            network.set_submodule(str(readers[0].target), _folded(conv, mean, self._std))
        for reader in readers:
            reader.replace_input_with(image, last)
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        if pixels_of(network) is None:
            raise LoweringError("the network still reads normalized images")


def _conv(readers: list[fx.Node]) -> nn.Conv2d | None:
    """The convolution that alone reads the image, if its weights can take in a factor for each channel."""
    layer = module_of(readers[0]) if len(readers) == 1 else None
    if not isinstance(layer, nn.Conv2d) or layer.groups != 1 or isinstance(layer.padding, str):
        return None
    return layer


def _folded(conv: nn.Conv2d, mean: Tensor, std: Tensor) -> nn.Conv2d:
    weight = conv.weight.detach() / std
    return with_weights(conv, weight, bias_of(conv) - (weight * mean).sum((1, 2, 3))).eval()
