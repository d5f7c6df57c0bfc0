"""Which operators of a decomposed network were one layer before it was decomposed."""

from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.graph_builder import layer_of
from micronet_edge.quantization.quantized_tensors import clip_after, tensor_name


def layers(network: fx.GraphModule) -> dict[str, tuple[str, ...]]:
    """The names of each layer's operators, in order of execution, by the layer's name.

    Given    features/stem/horizontal/conv, features/stem/horizontal/border, features/stem/activation (a clip)
    Result   features/stem/horizontal: all three

    What gives no numbers of its own goes with the layer that it reads: a flatten, and a clip, which
    saturation does as well.
    """
    found: dict[fx.Node, str] = {}
    for node in network.graph.nodes:
        if node.op == "call_module":
            own = layer_of(node)
            found[node] = found.get(node.all_input_nodes[0], own) if _gives_nothing_new(node) else own
    grouped: dict[str, list[str]] = {}
    for node, name in found.items():
        grouped.setdefault(name, []).append(tensor_name(node))
    return {name: tuple(operators) for name, operators in grouped.items()}


def _gives_nothing_new(node: fx.Node) -> bool:
    if isinstance(module_of(node), nn.Flatten):
        return True
    return len(node.all_input_nodes) == 1 and clip_after(node.all_input_nodes[0]) is node
