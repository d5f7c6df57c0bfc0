"""Leaves one reshape of several in a row, and one of several alike."""

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import (
    batch_axis,
    bypass,
    is_flatten,
    module_of,
    only_input,
    shape_of,
)
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Reshape


class MergeReshapes(Pass):
    """Merges reshapes.

    Given    x -> Reshape -> Reshape | Flatten -> y; x -> Reshape -> y that has the shape of x; or two
             Reshapes of x to the same shape
    Result   x -> Reshape | Flatten -> y; y is x; one Reshape
    """

    def change(self, network: fx.GraphModule) -> int:
        places = sum(_merged(network, node) for node in list(network.graph.nodes))
        network.graph.eliminate_dead_code()
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if _is_behind_another(node) or _is_idle(node) or _twin(node) is not None:
                raise LoweringError(f"{node.name} could have been merged")


def _merged(network: fx.GraphModule, node: fx.Node) -> bool:
    """Whether the node was one reshape too many, or read one."""
    changed = False
    while _is_behind_another(node):
        node.replace_input_with(only_input(node), only_input(only_input(node)))
        changed = True
    twin = _twin(node)
    if _is_idle(node):
        bypass(network, node)
    elif twin is not None:
        node.replace_all_uses_with(twin)
        network.graph.erase_node(node)
    else:
        return changed
    return True


def _is_reshape(node: fx.Node) -> bool:
    return isinstance(module_of(node), Reshape)


def _is_behind_another(node: fx.Node) -> bool:
    if not (_is_reshape(node) or isinstance(module_of(node), nn.Flatten)) or not _is_reshape(
        only_input(node)
    ):
        return False
    source = only_input(only_input(node))
    alike = batch_axis(source) == 0 and shape_of(source)[:1] == shape_of(node)[:1]
    return _is_reshape(node) or (is_flatten(node) and alike)


def _is_idle(node: fx.Node) -> bool:
    if not _is_reshape(node):
        return False
    source = only_input(node)
    return (shape_of(node), batch_axis(node)) == (shape_of(source), batch_axis(source))


def _twin(node: fx.Node) -> fx.Node | None:
    """An earlier reshape of the same tensor to the same shape."""
    if not _is_reshape(node):
        return None
    alike = [each for each in only_input(node).users if each < node and _is_reshape(each)]
    same = [each for each in alike if _form(each) == _form(node)]
    return min(same) if same else None


def _form(node: fx.Node) -> tuple[tuple[int, ...], int | None]:
    return shape_of(node), batch_axis(node)
