"""Computes in PyTorch what a kernel computes of a Dynamic Shift-Max in half-up arithmetic."""

from dataclasses import replace

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.composite import Region, Role, part_of, regions
from micronet_edge.lowering.ir.graph import inputs_of, only_input
from micronet_edge.quantization.half_up import HALF_UP, exact_sums
from micronet_edge.quantization.half_up_shift_max import (
    TOP,
    ShiftMaxConstants,
    lowest,
    shift_max_constants,
)
from micronet_edge.quantization.integer_arithmetic import rounded, straight_through, whole
from micronet_edge.quantization.quantized_network import Kernels, KernelTensor, QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import keeps_qparams, tensor_name
from micronet_edge.quantization.requantization import requantized_sums
from micronet_edge.quantization.stored_weights import applied, stored_in_integers

_EXACT = 1 << 24
_NEAR_TIE = 0.05
"""A coefficient's distance from a tie, which float32 cannot carry back even at the largest offset."""


def with_half_up(quantized: QuantizedNetwork) -> QuantizedNetwork:
    """The network as generated C computes it: half-up arithmetic, and one kernel for each Dynamic Shift-Max.

    A kernel makes the coefficients of the squeezed vector, and the result of these. An activation with an
    operator in float32 has no kernel.
    """
    fused = [
        tensor_name(node)
        for region in regions(quantized.network)
        if quantized.float_layers.isdisjoint(map(tensor_name, region.nodes))
        for node in _inside(region)
    ]
    return replace(
        quantized,
        arithmetic=HALF_UP,
        fused_layers=dict.fromkeys(fused, KernelTensor()),
        kernels=HalfUpKernels,
    )


def _inside(region: Region) -> set[fx.Node]:
    """What only the kernel reads: neither the squeezed vector nor a shifted input that the mean reads."""
    makers = {only_input(each) for row in region.coefficients for each in row}
    found: set[fx.Node] = set()
    for node in reversed(region.nodes[:-1]):
        own = node in makers or _role(node) in {Role.APPLIES, Role.COEFFICIENT}
        if own and set(node.users) <= found | {region.result}:
            found.add(node)
    return found


def _role(node: fx.Node) -> Role | None:
    part = part_of(node)
    return None if part is None else part.role


class HalfUpKernels(Kernels):
    """Kernels with coefficients of one scale, and int32 sums of products that are requantized once.

    Coefficients and shifted inputs are in real numbers here, products and sums of them are integers.
    """

    def __init__(self, quantized: QuantizedNetwork) -> None:
        super().__init__(quantized)
        self._regions = {region.composite: region for region in regions(quantized.network)}

    def contain(self, node: fx.Node) -> bool:
        """An activation that is kept in float32 afterwards has no kernel."""
        return super().contain(node) and tensor_name(node) not in self.quantized.float_layers

    def result(self, node: fx.Node, layer: nn.Module, *inputs: Tensor) -> Tensor:
        if _place(node) is not None:
            return inputs[0]  # clipped where it is kept
        if isinstance(layer, nn.Conv2d):
            return self._before_clip(node, layer, *inputs)
        if keeps_qparams(node):
            moved: Tensor = layer(*inputs)
            return moved
        constants = self._constants(node)
        levels = [
            self._levels(each, value, constants) for each, value in zip(inputs_of(node), inputs, strict=True)
        ]
        sums: Tensor = layer(*levels)
        if self.contain(node):
            return sums
        scale = self.quantized.qparams(node).scale
        factor = float(constants.result.multipliers[0]) * 2.0 ** (constants.result.shift - 31)
        exact = (sums * factor).float()
        return straight_through(exact, requantized_sums(sums, constants.result)) * scale

    def kept(self, node: fx.Node, value: Tensor) -> Tensor:
        place = _place(node)
        if place is None or not self.contain(node):
            return value
        constants = self._constants(node)
        offset, scale = constants.offset(*place), constants.scale
        low = lowest(self._region(node), *place)
        levels = ((value.detach().double() - low) / scale).round_().clamp_(0, TOP) + offset
        return straight_through(value.clamp(low, low + TOP * scale), (levels * scale).float())

    def _before_clip(self, node: fx.Node, layer: nn.Conv2d, x: Tensor) -> Tensor:
        """A coefficient in real numbers, which the integers less the lowest one give."""
        (reader,) = node.users
        place = _place(reader)
        assert place is not None
        constants, (qparams,) = self._constants(node), self.quantized.call(node, layer).inputs
        own = constants.coefficient(*place)
        weight = torch.from_numpy(own.weight).view_as(layer.weight)
        sums = exact_sums(layer, weight, whole(x.detach() / qparams.scale))
        levels = requantized_sums(sums, own.requantization, own.bias, _NEAR_TIE)
        found = (levels.double() * constants.scale + lowest(self._region(node), *place)).float()
        if not torch.is_grad_enabled():
            return found
        _, stored = stored_in_integers(layer, qparams, self.quantized.weight_limit, HALF_UP.bias_limit)
        return straight_through(applied(layer, stored, x), found)

    def _levels(self, node: fx.Node, value: Tensor, constants: ShiftMaxConstants) -> Tensor:
        """The integers of a factor, less its zero point; those of a product or a sum are there already."""
        if _place(node) is not None:
            levels = whole(value / constants.scale)
        elif self.contain(node) and not keeps_qparams(node):
            return value
        else:
            levels = whole(self._input(node, value) / self.quantized.qparams(node).scale)
        return levels if constants.largest_sum < _EXACT else levels.double()

    def _input(self, node: fx.Node, value: Tensor) -> Tensor:
        """What the kernel reads; the result of a float operator is rounded here."""
        source = self._region(node).x if self.contain(node) else node
        if self.quantized.is_integer(source):
            return value
        return rounded(value, self.quantized.qparams(node))

    def _constants(self, node: fx.Node) -> ShiftMaxConstants:
        # Weights may have changed since the last batch.
        return shift_max_constants(self.quantized, self._region(node))

    def _region(self, node: fx.Node) -> Region:
        part = part_of(node)
        assert part is not None
        return self._regions[part.composite]


def _place(node: fx.Node) -> tuple[int, int] | None:
    """The fusion and the shift of a coefficient; None for other nodes."""
    part = part_of(node)
    return None if part is None else part.place
