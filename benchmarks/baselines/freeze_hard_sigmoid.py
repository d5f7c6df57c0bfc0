"""Folds a hard sigmoid into a convolution, as a bias and a clip."""

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import Pass
from micronet_edge.lowering.ir.convolutions import bias_of, conv_at, with_weights
from micronet_edge.lowering.ir.frozen_shift_max import RELU6_SPAN
from micronet_edge.lowering.ir.graph import calls, feeds_only, module_of, only_input, replace_module
from micronet_edge.lowering.ir.primitives import MultiplyConstant


class FreezeHardSigmoid(Pass):
    """Folds the hard sigmoid into the convolution before it.

    Given    x -> Conv2d -> Hardsigmoid, the convolution's only consumer
    Result   x -> Conv2d, 3 added to its bias -> ReLU6 -> times 1/6
    """

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        for node, _ in calls(network, nn.Hardsigmoid):
            if not _matches(node):
                continue
            producer = only_input(node)
            conv = conv_at(producer)
            replace_module(network, producer, with_weights(conv, conv.weight, bias_of(conv) + RELU6_SPAN / 2))
            replace_module(network, node, nn.ReLU6())
            name = f"{node.target}/sixth"
            network.add_module(name, MultiplyConstant(torch.tensor(1 / RELU6_SPAN)))
            readers = list(node.users)
            with network.graph.inserting_after(node):
                sixth = network.graph.call_module(name, (node,))
            for reader in readers:
                reader.replace_input_with(node, sixth)
            places += 1
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, nn.Hardsigmoid):
            if _matches(node):
                raise LoweringError(f"{node.target} could have been folded")


def _matches(node: fx.Node) -> bool:
    producer = only_input(node)
    return isinstance(module_of(producer), nn.Conv2d) and feeds_only(producer, node)
