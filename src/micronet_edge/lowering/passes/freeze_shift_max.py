"""Turns Dynamic Shift-Max into its inference form: explicit sources, hard sigmoid folded away."""

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import BorderedConv, pointwise, with_weights
from micronet_edge.lowering.ir.frozen_shift_max import RELU6_SPAN, FrozenShiftMax
from micronet_edge.lowering.ir.graph import calls, feeds_only, module_of, only_input, replace_module
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.models import DynamicShiftMax
from micronet_edge.models.dynamic_shift_max import COEFFICIENT_RANGE

_UNIT = COEFFICIENT_RANGE / RELU6_SPAN
"""A coefficient is _UNIT * (relu6(z + 3) + offset); _UNIT moves into the layer that makes x."""


class FreezeShiftMax(Pass):
    """Folds the hard sigmoid, its scale and the initial coefficients into the layers around them.

    Given    x -> DynamicShiftMax: coefficient = (hard_sigmoid(z) - 0.5) * 4 + initial
    Result   x' -> FrozenShiftMax: coefficient = relu6(z + 3) + 1.5 * (initial - 2), x' = 2/3 x

    The 3 goes into the second linear layer's bias, the 2/3 into the convolution that makes x where
    the activation alone reads it; elsewhere the coefficients are multiplied by it.
    """

    def change(self, network: fx.GraphModule) -> int:
        activations = list(calls(network, DynamicShiftMax))
        for node, activation in activations:
            unit = _UNIT if _scale_producer(network, node) else 1.0
            replace_module(network, node, _frozen(activation, input_scale=unit))
        return len(activations)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, DynamicShiftMax):
            raise LoweringError(f"{node.target} is still in training form")


def _scale_producer(network: fx.GraphModule, node: fx.Node) -> bool:
    producer = only_input(node)
    layer = module_of(producer)
    if not feeds_only(producer, node):
        return False
    if isinstance(layer, BorderedConv):
        layer.bias_map.mul_(_UNIT)
        layer.conv = _scaled(layer.conv)
        return True
    if isinstance(layer, nn.Conv2d):
        replace_module(network, producer, _scaled(layer))
        return True
    return False


def _scaled(conv: nn.Conv2d) -> nn.Conv2d:
    bias = None if conv.bias is None else conv.bias.double() * _UNIT
    return with_weights(conv, conv.weight.double() * _UNIT, bias)


def _frozen(activation: DynamicShiftMax, input_scale: float) -> FrozenShiftMax:
    initial = torch.tensor(activation.initial, dtype=torch.float64).flatten()
    offset = (initial - COEFFICIENT_RANGE / 2) / _UNIT
    squeeze = pointwise(activation.squeeze, gain=1 / input_scale)
    excite = pointwise(activation.excite, bias=RELU6_SPAN / 2)
    return FrozenShiftMax(
        activation.sources,
        activation.groups,
        squeeze,
        excite,
        offset.repeat_interleave(activation.channels).view(1, -1, 1, 1).float(),
        scale=_UNIT / input_scale,
    )
