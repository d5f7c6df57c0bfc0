"""Computes linear layers of many axes on one matrix of rows."""

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import (
    batch_axis,
    dtype_of,
    module_of,
    note_shape,
    only_input,
    only_reader,
    shape_of,
)
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of, unused
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Reshape

_ELEMENTWISE = (
    *(nn.ReLU, nn.Hardtanh, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Hardswish, nn.Hardsigmoid),
    *(nn.Sigmoid, nn.Tanh),
)
_MATRIX_RANK = 2


class MultiplyRows(Pass):
    """Puts reshapes around linear layers of more than two axes, and elementwise ones between them.

    Given    x [n, ..., c] -> Linear -> elementwise layers and linear ones -> y
    Result   x -> Reshape to [n * ..., c] -> the same layers -> Reshape -> y

    ONNX Runtime makes a Gemm of a MatMul and the Add of its bias by a Reshape before and one behind each of
    them, and fuses no activation with it then.
    """

    def change(self, network: fx.GraphModule) -> int:
        chains: list[list[fx.Node]] = []
        for node in list(network.graph.nodes):
            if _begins(node) and not any(node in chain for chain in chains):
                chains.append(_chain(node))
        for chain in chains:
            _reshape(network, chain)
        return len(chains)

    def check_after(self, network: fx.GraphModule) -> None:
        for node in filter(_begins, network.graph.nodes):
            raise LoweringError(f"{node.target} still multiplies a tensor of {len(shape_of(node))} axes")


def _begins(node: fx.Node) -> bool:
    """Whether the node is a linear layer, with a bias, whose rows can be those of a matrix."""
    layer, shape = module_of(node), shape_of(node)
    if not isinstance(layer, nn.Linear) or layer.bias is None or len(shape) <= _MATRIX_RANK:
        return False
    return batch_axis(node) not in {None, len(shape) - 1}


def _chain(node: fx.Node) -> list[fx.Node]:
    """The layer and what follows it that computes each row by itself."""
    chain = [node]
    while (reader := only_reader(chain[-1])) is not None:
        if not isinstance(module_of(reader), (nn.Linear, *_ELEMENTWISE)):
            break
        chain.append(reader)
    return chain


def _reshape(network: fx.GraphModule, chain: list[fx.Node]) -> None:
    first, last = chain[0], chain[-1]
    x, shape, axis, kind = only_input(first), shape_of(last), batch_axis(last), dtype_of(last)
    rows = _written(network, first, f"{first.target}/rows", x, (-1, shape_of(x)[-1]))
    first.args = (rows,)
    lengths = tuple(-1 if place == axis else length for place, length in enumerate(shape))
    back = _written(network, last.next, f"{last.target}/axes", last, lengths)
    note_shape(back, shape, axis, kind)
    last.replace_all_uses_with(back, delete_user_cb=lambda user: user is not back)


def _written(
    network: fx.GraphModule, before: fx.Node, name: str, x: fx.Node, shape: tuple[int, ...]
) -> fx.Node:
    return LayerWriter(network, before, layer_of(before))(unused(network, name), Reshape(shape), x)
