"""Moves a factor for each channel of an image into the convolution behind it."""

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import conv_at, is_dense, with_weights
from micronet_edge.lowering.ir.graph import bypass, calls, module_of, only_reader, replace_module
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import MultiplyConstant
from micronet_edge_onnx.passes.merge_with_padding_columns import BesideColumns


class ScaleBehindColumns(Pass):
    """Saves a pass over an image whose columns were put beside it before its normalization moved.

    Given    x -> MultiplyConstant, one for each channel -> BesideColumns -> dense Conv2d
    Result   x -> BesideColumns, divided by the factors -> the Conv2d, whose weights take them in
    """

    def change(self, network: fx.GraphModule) -> int:
        found = [node for node, _ in calls(network, MultiplyConstant) if _columns(node) is not None]
        for node in found:
            _move(network, node)
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, MultiplyConstant):
            if _columns(node) is not None:
                raise LoweringError(f"{node.target} could be a part of the convolution's weights")


def _columns(node: fx.Node) -> fx.Node | None:
    """The columns behind the factors, if a dense convolution alone reads them."""
    factor, beside = module_of(node), only_reader(node)
    assert isinstance(factor, MultiplyConstant)
    columns = None if beside is None else module_of(beside)
    conv = None if beside is None else only_reader(beside)
    if not isinstance(columns, BesideColumns) or conv is None or not is_dense(module_of(conv)):
        return None
    by_channel = tuple(factor.constant.shape) == (1, columns.left.shape[1], 1, 1)
    return beside if by_channel and bool((factor.constant != 0).all()) else None


def _move(network: fx.GraphModule, node: fx.Node) -> None:
    factor, beside = module_of(node), _columns(node)
    assert isinstance(factor, MultiplyConstant)
    assert beside is not None
    columns, reader = module_of(beside), only_reader(beside)
    assert isinstance(columns, BesideColumns)
    assert reader is not None
    sides = (side / factor.constant for side in (columns.left, columns.right))
    replace_module(network, beside, BesideColumns(*sides))
    conv: nn.Conv2d = conv_at(reader)
    replace_module(network, reader, with_weights(conv, conv.weight.detach() * factor.constant, conv.bias))
    bypass(network, node)
