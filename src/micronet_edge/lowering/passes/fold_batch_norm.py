"""Folds batch norms into the convolution or linear layer before them."""

import copy

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
_Weighted = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


class FoldBatchNorm(Pass):
    """Folds a batch norm's scale and offset into the weights before it.

    Given    x -> Conv2d | ConvTranspose2d | Linear -> BatchNorm -> y, the layer read by the norm alone
    Result   x -> Conv2d | ConvTranspose2d | Linear with bias -> y

    A norm behind anything else stays. Source: Jacob et al., arXiv 1712.05877, section 3.2.
    """

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        # Matched one by one: behind a folded norm the next one may fold too.
        while (node := next(filter(can_fold, network.graph.nodes), None)) is not None:
            places += 1
            producer = only_input(node)
            layer, norm = module_of(producer), module_of(node)
            assert isinstance(layer, _Weighted)
            assert isinstance(norm, _Norm)
            replace_module(network, producer, _folded(layer, norm))
            bypass(network, node)
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node in filter(can_fold, network.graph.nodes):
            raise LoweringError(f"{node.target} could have been folded")


def can_fold(node: fx.Node) -> bool:
    """Whether the node is a batch norm that the layer before it can take in."""
    norm = module_of(node)
    if not isinstance(norm, _Norm):
        return False
    producer = only_input(node)
    static = norm.running_mean is not None
    layer = module_of(producer)
    # A norm of [n, c, l] works on another axis than the linear layer before it.
    matrix = isinstance(layer, nn.Linear) and is_matrix(producer)
    foldable = isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) or matrix
    return static and foldable and feeds_only(producer, node)


def _folded(layer: _Weighted, norm: _Norm) -> _Weighted:
    scale, offset = scale_and_offset(norm)
    bias = offset if layer.bias is None else layer.bias.double() * scale + offset
    if isinstance(layer, nn.ConvTranspose2d):
        return _folded_transposed(layer, scale, bias)
    weight = layer.weight.double() * scale.view(-1, *[1] * (layer.weight.ndim - 1))
    return with_weights(layer, weight, bias) if isinstance(layer, nn.Conv2d) else linear(weight, bias)


def _folded_transposed(layer: nn.ConvTranspose2d, scale: Tensor, bias: Tensor) -> nn.ConvTranspose2d:
    """One whose weight is [inputs, outputs of a group, height, width]."""
    folded = copy.deepcopy(layer)
    outputs = layer.weight.shape[1]
    factors = scale.view(layer.groups, 1, outputs, 1, 1)
    weight = layer.weight.double().view(layer.groups, -1, *layer.weight.shape[1:]) * factors
    with torch.no_grad():
        folded.weight.copy_(weight.view_as(layer.weight))
        folded.bias = nn.Parameter(bias.to(layer.weight.dtype))
    return folded


def scale_and_offset(norm: _Norm) -> tuple[Tensor, Tensor]:
    """What a batch norm multiplies each channel by, and then adds."""
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
