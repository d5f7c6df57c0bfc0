"""Folds factors and offsets of a layer's channels into its weights."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, with_weights
from micronet_edge.lowering.ir.graph import (
    bypass,
    feeds_only,
    module_of,
    only_input,
    replace_module,
    shape_of,
)
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant, MultiplyConstant
from micronet_edge.lowering.passes.fold_batch_norm import linear

_Folding = AddConstant | MultiplyConstant


class FoldConstants(Pass):
    """Folds what multiplies or shifts each channel of a convolution or linear layer into its weights.

    Given    x -> Conv2d | Linear -> MultiplyConstant | AddConstant -> y, the layer read by that alone, with
             one number for each channel, or for all
    Result   x -> Conv2d | Linear -> y
    """

    def change(self, network: fx.GraphModule) -> int:
        nodes = [node for node in network.graph.nodes if _can_fold(node)]
        for node in nodes:
            producer = only_input(node)
            replace_module(network, producer, _folded(module_of(producer), module_of(node)))
            bypass(network, node)
        # Behind a constant that is gone, the next one reads the layer itself.
        return len(nodes) + (self.change(network) if nodes else 0)

    def check_after(self, network: fx.GraphModule) -> None:
        for node in filter(_can_fold, network.graph.nodes):
            raise LoweringError(f"{node.target} could have been folded")


def by_channel(node: fx.Node, axis: int) -> Tensor | None:
    """The constant of the node's layer as one number for each place of that axis; None if it has others."""
    layer = module_of(node)
    assert isinstance(layer, _Folding)
    constant, shape = layer.constant, shape_of(node)
    lengths = [1] * (len(shape) - constant.ndim) + list(constant.shape)
    lengths[axis] = 1
    if set(lengths) != {1} or shape != shape_of(only_input(node)):
        return None
    return constant.flatten().expand(shape[axis])


def _can_fold(node: fx.Node) -> bool:
    layer = module_of(node)
    if not isinstance(layer, _Folding):
        return False
    producer = only_input(node)
    made = module_of(producer)
    if not isinstance(made, nn.Conv2d | nn.Linear) or not feeds_only(producer, node):
        return False
    return by_channel(node, _axis(made)) is not None


def _axis(layer: nn.Module | None) -> int:
    """That of the channels of the layer's result."""
    return 1 if isinstance(layer, nn.Conv2d) else -1


def _folded(layer: nn.Module | None, constant: nn.Module | None) -> nn.Module:
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    assert isinstance(constant, _Folding)
    outputs = layer.weight.shape[0]
    values = constant.constant.flatten().double().expand(outputs)
    factors = values if isinstance(constant, MultiplyConstant) else torch.ones(outputs, dtype=torch.float64)
    bias = bias_of(layer).double() * factors
    if isinstance(constant, AddConstant):
        bias = bias + values
    weight = layer.weight.detach().double() * factors.view(-1, *[1] * (layer.weight.ndim - 1))
    has_bias = layer.bias is not None or isinstance(constant, AddConstant)
    if isinstance(layer, nn.Conv2d):
        return with_weights(layer, weight, bias if has_bias else None)
    return linear(weight, bias if has_bias else None)
