"""Adds layers to a decomposed network."""

from torch import fx, nn

LAYER = "layer"
"""Where a node's meta tells the layer that it was a part of."""


class LayerWriter:
    """Writes layers in front of a node, as parts of the layer that `layer` names."""

    def __init__(self, network: fx.GraphModule, node: fx.Node, layer: str) -> None:
        self._network, self._node, self._layer = network, node, layer

    def __call__(self, path: str, layer: nn.Module, *inputs: fx.Node) -> fx.Node:
        """The node that calls the layer, which bears that name."""
        self._network.add_module(path, layer.eval())
        with self._network.graph.inserting_before(self._node):
            written = self._network.graph.call_module(path, inputs)
        written.meta[LAYER] = self._layer
        return written


def layer_of(node: fx.Node) -> str:
    """The layer that the node was a part of: its own, unless somebody wrote it as a part."""
    return str(node.meta.get(LAYER, node.target))
