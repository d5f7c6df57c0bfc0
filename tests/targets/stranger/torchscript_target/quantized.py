"""A quantized network as plain PyTorch: weights of few levels, and every result put on its own."""

import copy

import torch
from torch import nn

from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.quantization.qparams import weight_integers, weight_scales
from micronet_edge.quantization.quantized_tensors import clip_after


class Quantized(nn.Module):
    def __init__(self, quantized):
        super().__init__()
        self.network = copy.deepcopy(quantized.network)
        self.qparams = {
            node.name: quantized.qparams(node)
            for node in quantized.network.graph.nodes
            if node.op != "output" and clip_after(node) is None
        }
        for layer in self.network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                weight = layer.weight.detach().numpy()
                scales = weight_scales(weight)
                whole = weight_integers(weight, scales) * scales.reshape(-1, *[1] * (weight.ndim - 1))
                layer.weight = nn.Parameter(torch.from_numpy(whole.astype("float32")))

    def forward(self, images):
        values = {}
        for node in self.network.graph.nodes:
            if node.op == "output":
                break
            layer = module_of(node)
            given = [values[source.name] for source in inputs_of(node)]
            value = images if layer is None else self.network.get_submodule(str(node.target))(*given)
            qparams = self.qparams.get(node.name)
            if qparams is not None:
                value = torch.fake_quantize_per_tensor_affine(
                    value, qparams.scale, qparams.zero_point, qparams.lowest, qparams.highest
                )
            values[node.name] = value
        return value
