"""Turns Dynamic Shift-Max into its inference form: explicit sources, hard sigmoid folded away."""

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.channel_order import Order, inverse
from micronet_edge.lowering.ir.convolutions import BorderedConv, pointwise, with_weights
from micronet_edge.lowering.ir.graph import calls, feeds_only, module_of, only_input, replace_module
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.models import DynamicShiftMax
from micronet_edge.models.dynamic_shift_max import COEFFICIENT_RANGE

RELU6_SPAN = 6.0
_UNIT = COEFFICIENT_RANGE / RELU6_SPAN
"""A coefficient is _UNIT * (relu6(z + 3) + offset); _UNIT moves into the layer that makes x."""


class FrozenShiftMax(nn.Module):
    """Dynamic Shift-Max in inference form.

    Given    x [n, width, h, w]; channel c of shifted input j is x[:, sources[j][c]]
    Result   y [n, c, h, w] = max over k of  sum over j of  (gate[k, j] + offset[k, j]) * x_j,
             gate = relu6(excite(relu(squeeze(mean of x_0)))), times `scale` where it is not 1

    `width` is larger than c when the producing layer gives shifted copies as well. `groups` is the
    number of groups of the channel grid as trained, a hint for choosing the channels' order.
    """

    def __init__(  # noqa: PLR0913 - each stands in the equation
        self,
        sources: tuple[tuple[int, ...], ...],
        groups: int,
        squeeze: nn.Conv2d,
        excite: nn.Conv2d,
        offset: Tensor,
        scale: float,
    ) -> None:
        super().__init__()
        self.sources, self.groups, self.scale = sources, groups, scale
        self.squeeze, self.excite = squeeze, excite
        self.register_buffer("offset", offset)
        self.offset: Tensor

    def sources_in_order(self, labels: Order) -> tuple[tuple[int, ...], ...]:
        """The sources by position, where the tensor holds channel labels[p] at position p."""
        position = inverse(labels)
        return tuple(tuple(position[np.array(source)[labels]].tolist()) for source in self.sources)

    def with_sources(self, sources: tuple[tuple[int, ...], ...]) -> "FrozenShiftMax":
        """The same activation reading other channels of a tensor that holds them elsewhere."""
        return FrozenShiftMax(sources, self.groups, self.squeeze, self.excite, self.offset, self.scale)

    @property
    def channels(self) -> int:
        return len(self.sources[0])

    @property
    def shifts(self) -> int:
        return len(self.sources)

    @property
    def fusions(self) -> int:
        return self.offset.shape[1] // (self.shifts * self.channels)

    def gates(self, x: Tensor) -> tuple[Tensor, ...]:
        """The coefficients, one [n, c, 1, 1] for each fusion and shift, fusion by fusion."""
        squeezed = functional.relu(self.squeeze(functional.adaptive_avg_pool2d(x, 1)))
        gate = functional.relu6(self.excite(squeezed)) + self.offset
        return torch.split(gate if self.scale == 1.0 else gate * self.scale, self.channels, dim=1)

    def fuse(self, shifted: list[Tensor]) -> Tensor:
        """The maximum of the fusions of the shifted inputs, x_0 first."""
        gates = iter(self.gates(shifted[0]))
        fused: Tensor | None = None
        for _ in range(self.fusions):
            total = next(gates) * shifted[0]
            for source in shifted[1:]:
                total = total + next(gates) * source
            fused = total if fused is None else torch.maximum(fused, total)
        assert fused is not None  # there is at least one fusion
        return fused

    def forward(self, x: Tensor) -> Tensor:
        return self.fuse([x[:, list(source)] for source in self.sources])


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
