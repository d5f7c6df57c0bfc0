"""16 bits for what two convolutions pass on: where an activation loses most, and a wide one costs nothing."""

from collections.abc import Iterator
from dataclasses import replace

from torch import fx, nn

from micronet_edge.lowering.ir.graph import calls, module_of, only_reader
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after, tensor_name
from micronet_edge_c.writer.layout import ConvolutionKernel, kernel_for

_BITS = 16

_LARGEST = 8191
"""What the largest calibrated number becomes. A quarter of what 16 bits hold: larger ones have room, and the
factors of the first convolution stay below a half."""

_WRITES_WIDE = {ConvolutionKernel.WINDOW, ConvolutionKernel.LINES}


def with_wide_pairs(quantized: QuantizedNetwork) -> QuantizedNetwork:
    """The same network with 16 bits, symmetric, for each tensor between two convolutions.

    Channels differ most there: nothing between the halves of a factorized convolution limits them, and
    one scale of 8 bits leaves few integers to most. A core of 32 bits loads and stores 16 bits as fast as 8.
    """
    wide = {name: _widened(quantized.tensor_qparams[name]) for name in _between(quantized)}
    return replace(quantized, tensor_qparams={**quantized.tensor_qparams, **wide})


def _between(quantized: QuantizedNetwork) -> Iterator[str]:
    for node, _ in calls(quantized.network, nn.Conv2d):
        reader = only_reader(node)
        if (
            reader is not None
            and clip_after(node) is None
            and quantized.is_integer(node)
            and quantized.is_integer(reader)
            and kernel_for(node) in _WRITES_WIDE
            and _reads_wide(reader)
        ):
            yield tensor_name(node)


def _reads_wide(node: fx.Node) -> bool:
    return isinstance(module_of(node), nn.Conv2d) and kernel_for(node) is ConvolutionKernel.LINES


def _widened(qparams: QuantParams) -> QuantParams:
    return QuantParams(max(-qparams.low, qparams.high) / _LARGEST, 0, _BITS)
