"""Lets a network read the pixels of an image as bytes."""

from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import calls
from micronet_edge.lowering.ir.graph_builder import LayerWriter
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.passes.fold_input_normalization import PIXELS, pixels_of

FLOAT = f"{PIXELS}/float"


class ToFloat(nn.Module):
    """Numbers of any type as float32; a file whose input is its only source takes bytes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.float()


class ReadBytes(Pass):
    """Makes float32 of the pixels inside the file, which then takes uint8.

    Given    pixels of 0 to 255 -> readers
    Result   pixels -> ToFloat -> readers
    """

    def check_before(self, network: fx.GraphModule) -> None:
        if pixels_of(network) is None:
            raise LoweringError("the network reads no pixels")

    def change(self, network: fx.GraphModule) -> int:
        pixels = pixels_of(network)
        if pixels is None or next(calls(network, ToFloat), None) is not None:
            return 0
        readers = list(pixels.users)
        converted = LayerWriter(network, readers[0], PIXELS)(FLOAT, ToFloat(), pixels)
        for reader in readers:
            reader.replace_input_with(pixels, converted)
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        if next(calls(network, ToFloat), None) is None:
            raise LoweringError("the network does not read bytes")
