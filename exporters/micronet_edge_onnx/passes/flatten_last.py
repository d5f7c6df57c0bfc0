"""Writes linear layers behind a flatten as convolutions of one pixel, and flattens last."""

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import pointwise
from micronet_edge.lowering.ir.graph import is_flatten, module_of, only_input, replace_module, shape_of
from micronet_edge.lowering.ir.pass_base import Pass

_MAP = 2
"""Where the height of a map stands."""

_ELEMENTWISE = (nn.ReLU, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Identity)


class FlattenLast(Pass):
    """Moves a flatten of single pixels behind the linear layers that read it.

    Given    [n, c, 1, 1] -> flatten -> linear layers and element by element ones
    Result   the same with 1 x 1 convolutions -> flatten

    Rows that scale a map, as in squeeze-and-excite, stay rows: there our kernels know them, and a product of
    one with few weights needs no change to blocks of channels.

    ONNX Runtime reads the weights of a large product with one row faster in a convolution: 4 MB took it
    193 microseconds after other work, as Gemm 230.
    """

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        for node in list(network.graph.nodes):
            chain = _behind(node)
            if any(isinstance(module_of(each), nn.Linear) for each in chain):
                _move(network, node, chain)
                places += 1
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if any(isinstance(module_of(each), nn.Linear) for each in _behind(node)):
                raise LoweringError(f"{node.name} could still be flattened later")


def _behind(node: fx.Node) -> list[fx.Node]:
    """The layers behind a flatten of single pixels that it could be moved behind, in order."""
    chain: list[fx.Node] = []
    if not is_flatten(node) or shape_of(only_input(node))[2:] != (1, 1):
        return chain
    while len(node.users) == 1:
        (node,) = node.users
        if not isinstance(module_of(node), (nn.Linear, *_ELEMENTWISE)):
            break
        chain.append(node)
    return chain if chain and not _becomes_a_pixel(chain[-1]) else []


def _becomes_a_pixel(row: fx.Node) -> bool:
    """Whether a map of single pixels is made of the row again, or of what is computed of it alone."""
    for reader in row.users:
        if reader.op == "output":
            continue
        shape = shape_of(reader)
        alike = shape == shape_of(row) and len(reader.all_input_nodes) == 1
        if shape[_MAP:] == (1, 1) or (alike and _becomes_a_pixel(reader)):
            return True
    return False


def _move(network: fx.GraphModule, flatten: fx.Node, chain: list[fx.Node]) -> None:
    for node in chain:
        layer = module_of(node)
        if isinstance(layer, nn.Linear):
            replace_module(network, node, pointwise(layer))
    last = chain[-1]
    flatten.replace_all_uses_with(only_input(flatten))
    with network.graph.inserting_after(last):
        moved = network.graph.call_method("flatten", (last, 1))
    last.replace_all_uses_with(moved, delete_user_cb=lambda user: user is not moved)
    network.graph.erase_node(flatten)
