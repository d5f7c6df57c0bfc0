"""Applies an exact pass to a network that is quantized already."""

from dataclasses import replace

from torch import fx

from micronet_edge.lowering.ir.graph_builder import layer_of
from micronet_edge.lowering.ir.pass_base import Pass, apply
from micronet_edge.quantization.probe import probe_of
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import keeps_qparams, tensor_name


def rewritten(quantized: QuantizedNetwork, pass_: Pass) -> QuantizedNetwork:
    """The network after a pass that writes the operators of some layers anew.

    The operators of such a layer have the quantization parameters of its result, and stay in float32 if it
    did. An operator that only moves numbers has the quantization parameters of its input.
    """
    network, _ = apply(pass_, quantized.network, probe_of(quantized))
    tensor_qparams, float_layers = dict(quantized.tensor_qparams), set(quantized.float_layers)
    before = _operators_by_layer(quantized.network)
    for layer, nodes in _operators_by_layer(network).items():
        old = before[layer]
        if [node.name for node in nodes] == [node.name for node in old]:
            continue
        for node in nodes:
            moved = keeps_qparams(node)
            source = node.all_input_nodes[0]
            tensor_qparams[tensor_name(node)] = (
                tensor_qparams[tensor_name(source)] if moved else quantized.qparams(old[-1])
            )
            if not quantized.is_integer(old[-1]):
                float_layers.add(tensor_name(node))
    return replace(
        quantized, network=network, tensor_qparams=tensor_qparams, float_layers=frozenset(float_layers)
    )


def _operators_by_layer(network: fx.GraphModule) -> dict[str, list[fx.Node]]:
    found: dict[str, list[fx.Node]] = {}
    for node in network.graph.nodes:
        if node.op == "call_module":
            found.setdefault(layer_of(node), []).append(node)
    return found
