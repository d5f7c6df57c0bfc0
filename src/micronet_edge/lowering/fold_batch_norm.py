"""Folds batch norms into the convolution or linear layer before them."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.contract import Rewrite
from micronet_edge.lowering.graph import bypass, calls, feeds_only, module_of, only_input, replace_module

_Norm = nn.BatchNorm1d | nn.BatchNorm2d
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class FoldBatchNorm(Rewrite):
    """Folds a batch norm's scale and offset into the weights before it.

    Given    x -> Conv2d | Linear -> BatchNorm -> y, the layer read by the norm alone
    Result   x -> Conv2d | Linear with bias -> y

    A norm behind anything else stays. Source: Jacob et al., arXiv 1712.05877, section 3.2.
    """

    def change(self, network: fx.GraphModule) -> int:
        foldable = [(node, norm) for kind in _NORMS for node, norm in calls(network, kind) if _matches(node)]
        for node, norm in foldable:
            producer = only_input(node)
            layer = module_of(producer)
            assert isinstance(layer, nn.Conv2d | nn.Linear)
            replace_module(network, producer, _folded(layer, norm))
            bypass(network, node)
        return len(foldable)

    def check_after(self, network: fx.GraphModule) -> None:
        for kind in _NORMS:
            for node, _ in calls(network, kind):
                if _matches(node):
                    raise LoweringError(f"{node.target} could have been folded")


def _matches(node: fx.Node) -> bool:
    producer = only_input(node)
    norm = module_of(node)
    static = isinstance(norm, _Norm) and norm.running_mean is not None
    return static and isinstance(module_of(producer), nn.Conv2d | nn.Linear) and feeds_only(producer, node)


def _folded(layer: nn.Conv2d | nn.Linear, norm: _Norm) -> nn.Conv2d | nn.Linear:
    scale, offset = _scale_and_offset(norm)
    weight = layer.weight.double() * scale.view(-1, *[1] * (layer.weight.ndim - 1))
    bias = offset if layer.bias is None else layer.bias.double() * scale + offset
    return with_weights(layer, weight, bias)


def _scale_and_offset(norm: _Norm) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = torch.ones_like(norm.running_var) if norm.weight is None else norm.weight
    shift = torch.zeros_like(norm.running_var) if norm.bias is None else norm.bias
    # In double: the folded weights then differ from the exact ones by one rounding only.
    scale = gain.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale.detach(), (shift.double() - norm.running_mean.double() * scale).detach()


def with_weights(layer: nn.Conv2d | nn.Linear, weight: Tensor, bias: Tensor | None) -> nn.Conv2d | nn.Linear:
    """A layer like the given one with other weights; channels and groups are read off the shapes."""
    if isinstance(layer, nn.Linear):
        result: nn.Conv2d | nn.Linear = nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
    else:
        result = nn.Conv2d(
            layer.in_channels,
            weight.shape[0],
            (weight.shape[2], weight.shape[3]),
            layer.stride,
            layer.padding,
            layer.dilation,
            groups=layer.in_channels // weight.shape[1],
            bias=bias is not None,
        )
    with torch.no_grad():
        result.weight.copy_(weight)
        if bias is not None:
            assert result.bias is not None
            result.bias.copy_(bias)
    return result
