"""Folds constant factors into the layers after them."""

import operator
from collections import Counter
from collections.abc import Iterator

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import Pass
from micronet_edge.lowering.ir.convolutions import with_weights
from micronet_edge.lowering.ir.graph import bypass, calls, inputs_of, module_of, replace_module
from micronet_edge.lowering.ir.primitives import Multiply, MultiplyConstant
from micronet_edge.lowering.passes.fold_batch_norm import linear

_PASSES_ON = (Multiply, nn.AdaptiveAvgPool2d, nn.Flatten, nn.ReLU, nn.Identity, nn.Dropout)
"""Layers that are homogeneous: f times the input gives f times the output, for positive f."""


class FoldFactors(Pass):
    """Folds a positive constant factor into the weights of all convolutions and linear layers after it.

    Given    x -> times f -> means, rectifiers, products with other tensors -> Conv2d | Linear
    Result   x -> the same -> Conv2d | Linear, their weights times f

    The 1/6 of a hard swish or hard sigmoid then costs nothing and, in integers, saves one quantization. A
    factor that reaches a sum or the network's output stays.
    """

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        for node, layer in calls(network, MultiplyConstant):
            weighing = _weighing_behind(node, layer)
            for reader in weighing or ():
                replace_module(network, reader, _scaled(module_of(reader), float(layer.constant)))
            if weighing is not None:
                bypass(network, node)
                places += 1
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node, layer in calls(network, MultiplyConstant):
            if _weighing_behind(node, layer) is not None:
                raise LoweringError(f"{node.target} could have been folded")


def _weighing_behind(node: fx.Node, layer: MultiplyConstant) -> list[fx.Node] | None:
    """The weighted layers that would absorb the factor; None if one of its paths cannot."""
    if layer.constant.numel() != 1 or not float(layer.constant) > 0:
        return None
    readers = list(_reached(node))
    # A product of two tensors with the factor would contain its square.
    alone = all(count == 1 for count in Counter(readers).values())
    ends = [reader for reader in readers if not _passes_on(reader)]
    weigh = all(isinstance(module_of(end), nn.Conv2d | nn.Linear) for end in ends)
    return ends if alone and weigh else None


def _reached(node: fx.Node) -> Iterator[fx.Node]:
    """Every node that the factor reaches, once per path."""
    for reader in node.users:
        yield from [reader] * inputs_of(reader).count(node)
        if _passes_on(reader):
            yield from _reached(reader)


def _passes_on(node: fx.Node) -> bool:
    if isinstance(module_of(node), _PASSES_ON):
        return True
    if node.op == "call_method":
        return node.target == "flatten"
    products = node.op == "call_function" and node.target in {operator.mul, torch.mul}
    return products and len(node.all_input_nodes) == len(node.args)


def _scaled(layer: nn.Module | None, factor: float) -> nn.Module:
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    weight = layer.weight.double() * factor
    if isinstance(layer, nn.Conv2d):
        return with_weights(layer, weight, layer.bias)
    return linear(weight, layer.bias)
