"""What an ONNX file takes: passes that let a network start at pixels, bytes, or channels that come last."""

from dataclasses import replace

from torch import fx

from micronet_edge.data.pixels import WHITE
from micronet_edge.lowering import Pass, reading_pixels
from micronet_edge.lowering.ir.graph import inputs
from micronet_edge.lowering.ir.pass_base import apply
from micronet_edge.lowering.passes.read_pixels import ReadPixels
from micronet_edge.quantization.probe import probe_of
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import IMAGE, tensor_name
from micronet_edge.targets.protocol import UINT8_IO, Ends, ExportSpec
from micronet_edge_onnx.passes.read_bytes import ReadBytes
from micronet_edge_onnx.passes.read_channels_last import ReadChannelsLast
from micronet_edge_onnx.passes.scale_behind_columns import ScaleBehindColumns

NCHW, NHWC = "NCHW", "NHWC"


def layout_of(ends: Ends) -> str:
    """The order of the axes of the file's input."""
    return ends.layout or NCHW


def with_ends(pipeline: tuple[Pass, ...], spec: ExportSpec) -> tuple[Pass, ...]:
    """The pipeline of a float file, for what it takes."""
    white = _white(spec.ends)
    if white is not None:
        pipeline = reading_pixels(pipeline, spec.metadata.preprocessing, white)
    return (*pipeline, *_of_the_file(spec.ends, as_rows=not spec.portable))


def quantized_with_ends(quantized: QuantizedNetwork, spec: ExportSpec) -> QuantizedNetwork:
    """The same function, for what the file takes.

    What reads the image stays as it was quantized: a convolution in float32, as in MicroNets of 8 bits,
    takes the normalization in and rounds nothing; one in integers keeps the integers that the recipe says,
    and the normalization is computed in float32 in front of it. A file that rounds pixels alone to its first
    integers would be no closer to the network: their scale is not that of the recipe.
    """
    reads_integers = quantized.is_integer(inputs(quantized.network)[0])
    white, passes = _white(spec.ends), list[Pass]()
    if white is not None:
        passes += [ReadPixels(quantized.preprocessing, white, folds=not reads_integers), ScaleBehindColumns()]
    passes += _of_the_file(spec.ends, as_rows=not spec.portable and not reads_integers)
    network = quantized.network
    for pass_ in passes:
        network, _ = apply(pass_, network, probe_of(quantized))
    return _in_float(quantized, network) if passes else quantized


def _in_float(quantized: QuantizedNetwork, network: fx.GraphModule) -> QuantizedNetwork:
    """The network with what was added in float32; where integers read it, they are those of the image."""
    known = {node.target for node in quantized.network.graph.nodes}
    added = [tensor_name(node) for node in network.graph.nodes if node.target not in known]
    qparams = quantized.tensor_qparams
    return replace(
        quantized,
        network=network,
        float_layers=quantized.float_layers | set(added),
        tensor_qparams={**qparams, **(dict.fromkeys(added, qparams[IMAGE]) if IMAGE in qparams else {})},
    )


def _white(ends: Ends) -> float | None:
    """The number of a white pixel; None where the file takes normalized images."""
    return WHITE["raw"] if ends.io == UINT8_IO else WHITE.get(ends.pixels)


def _of_the_file(ends: Ends, *, as_rows: bool) -> list[Pass]:
    """The passes for the type and the order of the numbers."""
    of_bytes: list[Pass] = [ReadBytes()] if ends.io == UINT8_IO else []
    return [*of_bytes, *([ReadChannelsLast(as_rows=as_rows)] if layout_of(ends) == NHWC else [])]
