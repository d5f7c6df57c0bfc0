"""Which tensors of a decomposed network are quantized, and which share quantization parameters."""

from torch import fx

from micronet_edge.errors import LoweringError
from micronet_edge.quantization.operators.operator import ResultQParams
from micronet_edge.quantization.operators.registry import operator_at

IMAGE = "image"
"""The name of the network's input, a tensor like the others."""


def tensor_name(node: fx.Node) -> str:
    """The name of the node's tensor: that of its layer."""
    return IMAGE if node.op == "placeholder" else str(node.target)


def is_clip(node: fx.Node) -> bool:
    """Whether the node only limits its input, as the saturation of the operator before it does."""
    return operator_at(node).is_clip


def clip_after(node: fx.Node) -> fx.Node | None:
    """The clip that alone reads the node's tensor: one quantized operator does both."""
    readers = list(node.users)
    return readers[0] if len(readers) == 1 and is_clip(readers[0]) and not is_clip(node) else None


def result_name(node: fx.Node) -> str:
    """The name of the tensor that the quantized operator writes: its clip's, if it does one as well."""
    return tensor_name(clip_after(node) or node)


def is_done_before(node: fx.Node) -> bool:
    """Whether the node is a clip that the quantized operator before it does as well."""
    return is_clip(node) and clip_after(node.all_input_nodes[0]) is node


def quantized_tensors(network: fx.GraphModule) -> dict[str, str]:
    """For each quantized tensor, the name of the tensor whose quantization parameters it has.

    A tensor that only a clip reads is not quantized: one operator does both.

    Raises:
        LoweringError: an operator that only moves numbers joins tensors of several ranges.
    """
    owners: dict[str, str] = {}
    for node in network.graph.nodes:
        if node.op == "output" or clip_after(node) is not None:
            continue
        owners[tensor_name(node)] = _owner(node, owners)
    return owners


def calibrated_tensors(network: fx.GraphModule) -> set[str]:
    """The tensors with quantization parameters, and so a range, of their own."""
    return set(quantized_tensors(network).values())


def keeps_qparams(node: fx.Node) -> bool:
    """Whether the node only moves numbers, and so keeps the quantization parameters of its inputs."""
    return operator_at(node).result_qparams is ResultQParams.FROM_INPUTS


def _owner(node: fx.Node, owners: dict[str, str]) -> str:
    joint = _joint_after(node)
    if joint is not None:
        return result_name(joint)
    if not keeps_qparams(node):
        return tensor_name(node)
    found = {owners[tensor_name(source)] for source in node.all_input_nodes}
    if len(found) > 1:
        raise LoweringError(f"{node.target} joins tensors of several ranges: {', '.join(sorted(found))}")
    return found.pop()


def _joint_after(node: fx.Node) -> fx.Node | None:
    """The operator that alone reads the node's tensor, if its inputs share its quantization parameters."""
    readers = list(node.users)
    shares = len(readers) == 1 and operator_at(readers[0]).result_qparams is ResultQParams.SHARED
    return readers[0] if shares else None
