"""Where a file starts in a network: what it takes may be another form of what the network takes."""

from torch import fx

from micronet_edge.lowering.ir.graph import calls, module_of, only_reader
from micronet_edge.lowering.ir.primitives import Denormalize
from micronet_edge_onnx.passes.read_bytes import ToFloat
from micronet_edge_onnx.passes.read_channels_last import ChannelsLast

_BEFORE_THE_FILE = Denormalize, ChannelsLast


def way_into_file(given: fx.Node) -> list[fx.Node]:
    """The network's input and what is made of it before the file, whose input is the last of them."""
    reader = only_reader(given)
    if reader is None or not isinstance(module_of(reader), _BEFORE_THE_FILE):
        return [given]
    return [given, *way_into_file(reader)]


def takes_bytes(network: fx.GraphModule) -> bool:
    """Whether the file takes uint8."""
    return next(calls(network, ToFloat), None) is not None
