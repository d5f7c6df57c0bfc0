"""Networks of a few layers, decomposed, and their quantization parameters."""

import copy

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.quantized_network import QuantizedNetwork

SIZE = 8


class _Tracer(fx.Tracer):
    """Keeps every layer whole that is not made of layers."""

    def is_leaf_module(self, module, _qualified_name):
        return not any(module.children())


def traced(*layers, size=SIZE, seed=0):
    """The layers one behind the other, or a network of several as it is, with weights drawn anew."""
    composed = len(layers) == 1 and any(layers[0].children())
    network = copy.deepcopy(layers[0]) if composed else nn.Sequential(*layers)
    torch.manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.reset_parameters()
    return graph_of(network, torch.zeros(1, 3, size, size))


def graph_of(network, *given):
    """The network as a graph of layers, with the shapes for such inputs."""
    graph = fx.GraphModule(network.eval(), _Tracer().trace(network))
    with torch.no_grad():
        ShapeProp(graph).propagate(*given)
    return graph


def images(count=40, size=SIZE):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def quantized(network, bits=8, given=None, float_layers=()):
    """The network, quantized by its ranges on the images."""
    given = images() if given is None else given
    tensor_qparams = assign_qparams(network, calibrate(network, given, 100.0), bits)
    return QuantizedNetwork(
        network, Preprocessing.imagenet(given.shape[-1]), tensor_qparams, frozenset(float_layers)
    )


def layer_names(network):
    return [str(node.target) for node in network.graph.nodes if node.op == "call_module"]
