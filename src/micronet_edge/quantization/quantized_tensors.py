"""Which tensors of a decomposed network are rounded, and which share a grid."""

from torch import fx

from micronet_edge.errors import LoweringError
from micronet_edge.quantization.operators.operator import ResultQParams
from micronet_edge.quantization.operators.registry import operator_at

IMAGE = "image"
"""The name of the network's input, a tensor like the others."""


def tensor_name(node: fx.Node) -> str:
    """The name of the tensor that the node gives: that of its layer."""
    return IMAGE if node.op == "placeholder" else str(node.target)


def is_clip(node: fx.Node) -> bool:
    """Whether the node only cuts its input off, which saturation does as well."""
    return operator_at(node).is_clip


def clip_after(node: fx.Node) -> fx.Node | None:
    """The clip that alone reads what the node gives: one operator does both."""
    readers = list(node.users)
    return readers[0] if len(readers) == 1 and is_clip(readers[0]) and not is_clip(node) else None


def result_name(node: fx.Node) -> str:
    """The name of what the operator of the node gives: of its clip's tensor, where it does one as well."""
    return tensor_name(clip_after(node) or node)


def is_done_before(node: fx.Node) -> bool:
    """Whether the node is a clip that the operator before it does as well."""
    return is_clip(node) and clip_after(node.all_input_nodes[0]) is node


def rounded_tensors(network: fx.GraphModule) -> dict[str, str]:
    """For each tensor that is rounded, the name of the tensor whose grid it lies on.

    A tensor that is only cut off afterwards is not rounded before that: one operator does both. What
    only moves numbers keeps their grid.
    """
    owners: dict[str, str] = {}
    for node in network.graph.nodes:
        if node.op == "output" or clip_after(node) is not None:
            continue
        owners[tensor_name(node)] = _owner(node, owners)
    return owners


def keeps_qparams(node: fx.Node) -> bool:
    """Whether the node only moves numbers."""
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
    """The operator behind the node that only chooses among its inputs, which then lie on its grid.

    What lies below the range of a maximum never becomes the maximum, so nothing is rounded twice.
    """
    readers = list(node.users)
    shares = len(readers) == 1 and operator_at(readers[0]).result_qparams is ResultQParams.SHARED
    return readers[0] if shares else None
