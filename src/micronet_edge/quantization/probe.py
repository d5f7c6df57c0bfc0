"""Example inputs, on which passes over a quantized network are checked."""

import torch

from micronet_edge.data.photographs import photographs
from micronet_edge.lowering.ir.graph import inputs, shape_of
from micronet_edge.lowering.ir.pass_base import probe_image
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.samples import Inputs

_SEED = 0


def probe_of(quantized: QuantizedNetwork) -> Inputs:
    """An example [1, ...] of each input: a photograph where it is an image, else noise in its range."""
    nodes = inputs(quantized.network)
    shapes = [shape_of(node) for node in nodes]
    preprocessing = quantized.preprocessing
    if shapes == [(1, 3, preprocessing.size, preprocessing.size)]:
        return (probe_image(preprocessing.size),)
    if quantized.takes_images:
        return (torch.from_numpy(preprocessing.batch(photographs()[:1])),)
    random = torch.Generator().manual_seed(_SEED)
    noise = []
    for node, shape in zip(nodes, shapes, strict=True):
        qparams = quantized.tensor_qparams[tensor_name(node)]
        noise.append(qparams.low + (qparams.high - qparams.low) * torch.rand(shape, generator=random))
    return tuple(noise)
