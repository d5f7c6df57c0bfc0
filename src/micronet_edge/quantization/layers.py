"""Which operators of a decomposed network were one layer before it was decomposed."""

from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.graph_builder import layer_of
from micronet_edge.quantization.quantized_tensors import is_done_before, tensor_name


def layers(network: fx.GraphModule) -> dict[str, tuple[str, ...]]:
    """The names of each layer's operators, in order of execution, by the layer's name.

    features/stem/horizontal has features/stem/horizontal/conv, features/stem/horizontal/border and the clip
    features/stem/activation. A flatten, and a clip that the operator before it does as well, belong to the
    layer that they read.
    """
    found: dict[fx.Node, str] = {}
    for node in network.graph.nodes:
        if node.op == "call_module":
            own = layer_of(node)
            found[node] = found.get(node.all_input_nodes[0], own) if _belongs_to_its_input(node) else own
    grouped: dict[str, list[str]] = {}
    for node, name in found.items():
        grouped.setdefault(name, []).append(tensor_name(node))
    return {name: tuple(operators) for name, operators in grouped.items()}


def _belongs_to_its_input(node: fx.Node) -> bool:
    if isinstance(module_of(node), nn.Flatten):
        return True
    return is_done_before(node)
