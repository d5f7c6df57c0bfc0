"""Adds layers to a decomposed network."""

from torch import fx, nn

LAYER = "layer"
"""The key in a node's meta for the layer it was a part of."""


class LayerWriter:
    """Inserts layers before a node, as parts of the layer named `layer`."""

    def __init__(self, network: fx.GraphModule, node: fx.Node, layer: str) -> None:
        self._network, self._node, self._layer = network, node, layer

    def __call__(self, path: str, layer: nn.Module, *inputs: fx.Node) -> fx.Node:
        """Inserts the layer under that name; returns the node that calls it."""
        self._network.add_module(path, layer.eval())
        with self._network.graph.inserting_before(self._node):
            written = self._network.graph.call_module(path, inputs)
        written.meta[LAYER] = self._layer
        return written


def layer_of(node: fx.Node) -> str:
    """The layer that the node is a part of, by default its own."""
    return str(node.meta.get(LAYER, node.target))


def unused(network: fx.GraphModule, path: str) -> str:
    """The path, with a number behind it where the network has a layer of that name."""
    number, name = 1, path
    while hasattr(network, name):
        number += 1
        name = f"{path}#{number}"
    return name
