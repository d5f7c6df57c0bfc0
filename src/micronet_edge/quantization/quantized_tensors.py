"""Which tensors of a decomposed network are quantized, and which share quantization parameters."""

from collections.abc import Mapping

from torch import fx

from micronet_edge.lowering.ir.graph import inputs
from micronet_edge.quantization.operators.operator import ResultQParams
from micronet_edge.quantization.operators.registry import operator_at

IMAGE = "image"
"""The name of a network's only input, a tensor like the others; of several, `input:NAME` is one."""


def tensor_name(node: fx.Node) -> str:
    """The name of the node's tensor: that of its layer."""
    if node.op != "placeholder":
        return str(node.target)
    return IMAGE if len(node.graph.find_nodes(op="placeholder")) == 1 else f"input:{node.target}"


def input_names(network: fx.GraphModule) -> frozenset[str]:
    """The names of the network's inputs."""
    return frozenset(map(tensor_name, inputs(network)))


def is_clip(node: fx.Node) -> bool:
    """Whether the node only limits its input, as the saturation of the operator before it does."""
    return operator_at(node).is_clip


def clip_after(node: fx.Node) -> fx.Node | None:
    """The clip that alone reads the node's tensor: one quantized operator does both.

    An input has no operator, and one with fixed quantization parameters cannot clip.
    """
    readers = list(node.users)
    if len(readers) != 1 or not is_clip(readers[0]):
        return None
    cannot = node.op == "placeholder" or is_clip(node) or operator_at(node).fixed_result
    return None if cannot else readers[0]


def result_name(node: fx.Node) -> str:
    """The name of the tensor that the quantized operator writes: its clip's, if it does one as well."""
    return tensor_name(clip_after(node) or node)


def is_done_before(node: fx.Node) -> bool:
    """Whether the node is a clip that the quantized operator before it does as well."""
    return is_clip(node) and clip_after(node.all_input_nodes[0]) is node


def quantized_tensors(network: fx.GraphModule) -> dict[str, str]:
    """For each quantized tensor, the name of the tensor whose quantization parameters it has.

    A tensor that only a clip reads is not quantized: one operator does both.
    """
    sources = _sources(network)
    owners: dict[str, str] = {}
    # From behind: what comes before a joint has the parameters of the joint.
    for node in reversed(network.graph.nodes):
        if node.op == "output" or clip_after(node) is not None:
            continue
        source = sources[node]
        joint = _joint_after(source, sources)
        owners[tensor_name(node)] = tensor_name(source) if joint is None else owners[result_name(joint)]
    return dict(reversed(owners.items()))


def calibrated_tensors(network: fx.GraphModule) -> set[str]:
    """The tensors with quantization parameters, and so a range, of their own.

    Runtimes give some of them fixed parameters, for which no range is needed. So a recipe serves a classifier
    with and without a softmax at its end.
    """
    return set(quantized_tensors(network).values()) - fixed_tensors(network)


def fixed_tensors(network: fx.GraphModule) -> set[str]:
    """The tensors to which runtimes give fixed quantization parameters."""
    return {tensor_name(node) for node in network.graph.nodes if operator_at(node).fixed_result}


def keeps_qparams(node: fx.Node) -> bool:
    """Whether the node only moves numbers, and so keeps the quantization parameters of its inputs."""
    return operator_at(node).result_qparams is ResultQParams.FROM_INPUTS


def _sources(network: fx.GraphModule) -> dict[fx.Node, fx.Node]:
    """For each node, the one whose numbers it moves: itself, if it computes or joins several tensors."""
    sources: dict[fx.Node, fx.Node] = {}
    for node in network.graph.nodes:
        moved = {sources[each] for each in node.all_input_nodes} if keeps_qparams(node) else set()
        sources[node] = moved.pop() if len(moved) == 1 else node
    return sources


def _joint_after(node: fx.Node, sources: Mapping[fx.Node, fx.Node]) -> fx.Node | None:
    """The operator that alone reads the node's numbers, if its inputs share its quantization parameters."""
    readers = list(node.users)
    if len(readers) != 1 or node.op == "placeholder" or operator_at(node).fixed_result:
        return None
    (reader,) = readers
    if operator_at(reader).result_qparams is ResultQParams.SHARED:
        return reader
    if not keeps_qparams(reader):
        return None
    return reader if sources[reader] is reader else _joint_after(reader, sources)
