"""A quantized network as a file with other ends reads its image: from pixels, in their numbers."""

from dataclasses import replace

from micronet_edge.lowering.ir.graph import inputs
from micronet_edge.lowering.ir.pass_base import Pass, apply
from micronet_edge.lowering.passes.fold_input_normalization import PIXELS, SCALED, pixels_of
from micronet_edge.lowering.passes.read_pixels import CENTERED, NORMALIZED, ReadPixels
from micronet_edge.quantization.probe import probe_of
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.targets.protocol import INT8_IO, Ends
from micronet_edge_tflite.passes.scale_pixels import ScalePixels, moved_from


def starting_at_pixels(quantized: QuantizedNetwork, ends: Ends) -> QuantizedNetwork:
    """The same function, with the tensor of pixels in it at which a file with these ends starts.

    Where no convolution reads pixels as integers, they are normalized in float32. A file of int8 takes
    quantized normalized numbers there, as it always did.
    """
    white, pixels = ends.white, pixels_of(quantized.network)
    if white is None or (pixels is None and ends.io == INT8_IO):
        return quantized
    if pixels is None:
        (image,) = map(tensor_name, inputs(quantized.network))
        own = {NORMALIZED: quantized.tensor_qparams[image]} if image in quantized.tensor_qparams else {}
        pass_ = ReadPixels(quantized.preprocessing, white, fold=False)
        written = _after(pass_, quantized, own)
        return replace(written, float_layers=written.float_layers | {PIXELS, CENTERED, NORMALIZED})
    if white == 1:
        return quantized
    scaled = {PIXELS, SCALED, *map(tensor_name, moved_from(pixels))}
    kept = quantized.tensor_qparams
    return _after(
        ScalePixels(white),
        quantized,
        {name: replace(kept[name], scale=kept[name].scale * white) for name in scaled if name in kept},
    )


def _after(pass_: Pass, quantized: QuantizedNetwork, own: dict[str, QuantParams]) -> QuantizedNetwork:
    """The network after the pass, with these quantization parameters."""
    network, _ = apply(pass_, quantized.network, probe_of(quantized))
    return replace(quantized, network=network, tensor_qparams={**quantized.tensor_qparams, **own})
