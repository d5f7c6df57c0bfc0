"""Graphs of canonical layers, as a lowering gives them, for the writer's tests."""

import torch
from torch import fx
from torch.fx.passes.shape_prop import ShapeProp


def alone(layer, *probe):
    """A graph with one layer in it."""
    graph = fx.Graph()
    given = [graph.placeholder(f"x{place}") for place in range(len(probe))]
    graph.output(graph.call_module("layer", tuple(given)))
    network = fx.GraphModule({"layer": layer}, graph)
    with torch.no_grad():
        ShapeProp(network).propagate(*probe)
    return network
