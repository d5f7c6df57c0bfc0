"""Lets the pixels that a convolution reads be numbers of 0 to 255 instead of 0 to 1."""

from collections.abc import Iterator

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, with_weights
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Constant, Frame
from micronet_edge.lowering.passes.fold_input_normalization import PIXELS, SCALED, pixels_of
from micronet_edge.quantization.quantized_tensors import keeps_qparams


class ScalePixels(Pass):
    """Multiplies pixels, and what surrounds them, by the number of a white one; weights divide by it.

    Given    SCALED -> PIXELS -> layers that only move numbers, and frames -> convolutions
    Result   the same with larger constants and frames, and smaller weights

    A file that takes such numbers then needs no product: their integers are the same, with another scale.
    """

    def __init__(self, white: float) -> None:
        self._white = white

    def check_before(self, network: fx.GraphModule) -> None:
        pixels = pixels_of(network)
        if pixels is None or not all(isinstance(module_of(each), nn.Conv2d) for each in _readers(pixels)):
            raise LoweringError("not only convolutions read pixels; please report this network")

    def change(self, network: fx.GraphModule) -> int:
        pixels = pixels_of(network)
        assert pixels is not None  # as `check_before` says
        for node in network.graph.nodes:
            layer = module_of(node)
            if str(node.target) in {SCALED, PIXELS}:
                assert isinstance(layer, Constant)  # of the normalization
                layer.constant.mul_(self._white)
            elif isinstance(layer, Frame) and node in moved_from(pixels):
                layer.values.mul_(self._white)
        for node in dict.fromkeys(_readers(pixels)):
            conv = module_of(node)
            assert isinstance(conv, nn.Conv2d)  # as `check_before` says
            network.set_submodule(
                str(node.target), with_weights(conv, conv.weight.detach() / self._white, bias_of(conv)).eval()
            )
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        """The numbers stay the same, as for every pass: more cannot be seen."""


def moved_from(pixels: fx.Node) -> dict[fx.Node, None]:
    """What only moves pixels, or puts numbers around them."""
    found: dict[fx.Node, None] = {}
    waiting = [pixels]
    while waiting:
        readers = [node for node in waiting.pop().users if node.op != "output" and keeps_qparams(node)]
        waiting += [node for node in readers if node not in found]
        found |= dict.fromkeys(readers)
    return found


def _readers(pixels: fx.Node) -> Iterator[fx.Node]:
    """What computes with pixels."""
    moved = moved_from(pixels)
    for node in (pixels, *moved):
        yield from (reader for reader in node.users if reader not in moved)
