"""Graphs of canonical layers, as a lowering gives them, for the writer's tests."""

import torch
from torch import fx
from torch.fx.passes.shape_prop import ShapeProp

from micronet_edge.lowering.ir.graph import _Tracer


def graph_of(module, *probe):
    """The module as a graph of layers, with the shapes for one sample noted."""
    network = fx.GraphModule(module, _Tracer().trace(module))
    with torch.no_grad():
        ShapeProp(network).propagate(*probe)
    return network


def alone(layer, *probe):
    """A graph with one layer in it."""
    graph = fx.Graph()
    given = [graph.placeholder(f"x{place}") for place in range(len(probe))]
    graph.output(graph.call_module("layer", tuple(given)))
    network = fx.GraphModule({"layer": layer}, graph)
    with torch.no_grad():
        ShapeProp(network).propagate(*probe)
    return network
