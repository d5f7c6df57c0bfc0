"""A quantized network as the fused kernels compute it: nothing is rounded inside a Dynamic Shift-Max."""

from collections.abc import Iterator
from dataclasses import replace

from torch import fx, nn

from micronet_edge.lowering.graph import calls
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.rounded_tensors import clip_after, tensor_name


def with_fused_activations(quantized: QuantizedNetwork) -> QuantizedNetwork:
    """The network with the inner layers of every activation in float, all but the last one's result.

    Their weights keep their int8 steps.
    """
    inner = frozenset(tensor_name(node) for node in _inner_layers(quantized.network))
    convolutions = frozenset(tensor_name(node) for node, _ in calls(quantized.network, nn.Conv2d))
    return replace(
        quantized,
        float_layers=quantized.float_layers | inner,
        integer_weights=quantized.integer_weights | ((inner & convolutions) - quantized.float_layers),
    )


def _inner_layers(network: fx.GraphModule) -> Iterator[fx.Node]:
    """The layers below an activation's path, which its mean shows, whose results are not read outside."""
    paths = [
        f"{tensor_name(node).rpartition('/')[0]}/"
        for node, _ in calls(network, nn.AdaptiveAvgPool2d)
        if tensor_name(node).endswith("_activation/mean")
    ]
    for node in network.graph.nodes:
        for path in paths:
            readers = (clip_after(node) or node).users
            if tensor_name(node).startswith(path) and all(_stands_below(reader, path) for reader in readers):
                yield node


def _stands_below(node: fx.Node, path: str) -> bool:
    return node.op == "call_module" and tensor_name(node).startswith(path)
