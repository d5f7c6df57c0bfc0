"""Folds batch norms into the convolution or linear layer before them."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import with_weights
from micronet_edge.lowering.ir.graph import (
    bypass,
    feeds_only,
    is_matrix,
    module_of,
    only_input,
    replace_module,
)
from micronet_edge.lowering.ir.pass_base import Pass

_Norm = nn.BatchNorm1d | nn.BatchNorm2d


class FoldBatchNorm(Pass):
    """Folds a batch norm's scale and offset into the weights before it.

    Given    x -> Conv2d | Linear -> BatchNorm -> y, the layer read by the norm alone
    Result   x -> Conv2d | Linear with bias -> y

    A norm behind anything else stays. Source: Jacob et al., arXiv 1712.05877, section 3.2.
    """

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        # Matched one by one: behind a folded norm the next one may fold too.
        while (node := next(filter(_matches, network.graph.nodes), None)) is not None:
            places += 1
            producer = only_input(node)
            layer, norm = module_of(producer), module_of(node)
            assert isinstance(layer, nn.Conv2d | nn.Linear)
            assert isinstance(norm, _Norm)
            replace_module(network, producer, _folded(layer, norm))
            bypass(network, node)
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node in filter(_matches, network.graph.nodes):
            raise LoweringError(f"{node.target} could have been folded")


def _matches(node: fx.Node) -> bool:
    norm = module_of(node)
    if not isinstance(norm, _Norm):
        return False
    producer = only_input(node)
    static = norm.running_mean is not None
    layer = module_of(producer)
    # A norm of [n, c, l] works on another axis than the linear layer before it.
    foldable = isinstance(layer, nn.Conv2d) or (isinstance(layer, nn.Linear) and is_matrix(producer))
    return static and foldable and feeds_only(producer, node)


def _folded(layer: nn.Conv2d | nn.Linear, norm: _Norm) -> nn.Conv2d | nn.Linear:
    scale, offset = _scale_and_offset(norm)
    weight = layer.weight.double() * scale.view(-1, *[1] * (layer.weight.ndim - 1))
    bias = offset if layer.bias is None else layer.bias.double() * scale + offset
    return with_weights(layer, weight, bias) if isinstance(layer, nn.Conv2d) else linear(weight, bias)


def _scale_and_offset(norm: _Norm) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = torch.ones_like(norm.running_var) if norm.weight is None else norm.weight
    shift = torch.zeros_like(norm.running_var) if norm.bias is None else norm.bias
    # In double: the folded weights then differ from the exact ones by one rounding only.
    scale = gain.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale.detach(), (shift.double() - norm.running_mean.double() * scale).detach()


def linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """A linear layer of those weights."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer
