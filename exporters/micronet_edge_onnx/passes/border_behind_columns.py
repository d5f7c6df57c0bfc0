"""Replaces a border correction behind a convolution by columns beside its input."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import conv_at, corrects_borders, is_dense
from micronet_edge.lowering.ir.graph import (
    calls,
    module_of,
    only_input,
    only_reader,
    replace_module,
    shape_of,
)
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge_onnx.passes.merge_with_padding_columns import (
    BesideColumns,
    read_to_the_right,
    silent_column,
)

_RANK = 1e-6
_EXACT = 1e-5


class BorderBehindColumns(Pass):
    """Saves a pass over the output of dense convolutions of the named layers.

    Given    x -> dense Conv2d K x K -> AddConstant, zero but in the first column
    Result   a column of pixels beside x -> Conv2d K x K, whose first row of taps makes of it the correction
    """

    def __init__(self, layers: frozenset[str]) -> None:
        self.layers = layers

    def change(self, network: fx.GraphModule) -> int:
        columns = {node: self._column(node) for node, _ in calls(network, AddConstant)}
        found = [(node, column) for node, column in columns.items() if column is not None]
        for node, column in found:
            _put_beside(network, node, column)
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, AddConstant):
            if self._column(node) is not None:
                raise LoweringError(f"{node.target} could have been columns beside the map")

    def _column(self, node: fx.Node) -> Tensor | None:
        producer = only_input(node)
        conv, correction = module_of(producer), module_of(node)
        assert isinstance(correction, AddConstant)
        if not (isinstance(conv, nn.Conv2d) and is_dense(conv) and producer.target in self.layers):
            return None
        border = correction.constant
        first_alone = corrects_borders(node) and not border[..., 1:].any()
        if not first_alone or conv.padding[1] != 1 or only_reader(producer) is not node:
            return None
        return _column_for(conv, border[0, :, 0, 0], shape_of(only_input(producer))[2])


def _column_for(conv: nn.Conv2d, border: Tensor, height: int) -> Tensor | None:
    """The column that a convolution's first taps across make `border` of."""
    taps = conv.weight.detach().double()[..., 0]
    left, sizes, right = torch.linalg.svd(taps.flatten(1), full_matrices=False)
    rank = int((sizes > _RANK * sizes[0]).sum())
    wanted = (left[:, :rank].T @ border.double()) / sizes[:rank]
    if not torch.allclose(left[:, :rank] @ (sizes[:rank] * wanted), border.double(), rtol=0, atol=_EXACT):
        return None
    vertical = nn.Conv2d(
        conv.in_channels, rank, (conv.kernel_size[0], 1), (conv.stride[0], 1), (int(conv.padding[0]), 0)
    ).double()
    with torch.no_grad():
        vertical.weight.copy_(right[:rank].view_as(vertical.weight))
        assert vertical.bias is not None
        vertical.bias.copy_(-wanted)
    return silent_column(vertical, height)


def _put_beside(network: fx.GraphModule, node: fx.Node, column: Tensor) -> None:
    producer = only_input(node)
    conv, x = conv_at(producer), only_input(producer)
    left = column[None, :, :, None]
    right = read_to_the_right(conv, x, producer)
    write = LayerWriter(network, producer, layer_of(producer))
    beside = write(
        f"{producer.target}/columns",
        BesideColumns(left, torch.zeros(1, len(column), column.shape[1], right)),
        x,
    )
    conv.padding = (int(conv.padding[0]), 0)
    replace_module(network, producer, conv)
    producer.args = (beside,)
    node.replace_all_uses_with(producer)
    network.graph.erase_node(node)
