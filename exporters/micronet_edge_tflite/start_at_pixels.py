"""A quantized network as a file with other ends reads its image: from pixels, in their numbers."""

from dataclasses import replace

from micronet_edge.lowering.ir.graph import inputs
from micronet_edge.lowering.ir.pass_base import apply
from micronet_edge.lowering.passes.fold_input_normalization import PIXELS, pixels_of
from micronet_edge.lowering.passes.read_pixels import CENTERED, NORMALIZED, ReadPixels
from micronet_edge.quantization.probe import probe_of
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.targets.protocol import INT8_IO, Ends


def starting_at_pixels(quantized: QuantizedNetwork, ends: Ends) -> QuantizedNetwork:
    """The same function, with the tensor of pixels in it at which the file starts, if it is to.

    Where no convolution reads pixels as integers, they are normalized in float32. A file of int8 takes
    quantized normalized numbers there, as it always did.
    """
    if ends.white is None or ends.io == INT8_IO or pixels_of(quantized.network) is not None:
        return quantized
    (image,) = inputs(quantized.network)
    pass_ = ReadPixels(quantized.preprocessing, ends.white, folds=False)
    network, _ = apply(pass_, quantized.network, probe_of(quantized))
    own = {NORMALIZED: quantized.tensor_qparams[tensor_name(image)]}
    return replace(
        quantized,
        network=network,
        tensor_qparams={**quantized.tensor_qparams, **own},
        float_layers=quantized.float_layers | {PIXELS, CENTERED, NORMALIZED},
    )
