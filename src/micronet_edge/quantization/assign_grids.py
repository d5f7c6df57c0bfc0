"""Gives every rounded tensor its grid."""

from collections.abc import Mapping

from torch import fx

from micronet_edge.lowering.elementary import AddConstant, Constant, MixingMatrix
from micronet_edge.lowering.graph import calls
from micronet_edge.quantization.grid import Grid, activation_grid, symmetric_grid
from micronet_edge.quantization.rounded_tensors import rounded_tensors, tensor_name


def assign_grids(
    network: fx.GraphModule, ranges: Mapping[str, tuple[float, float]], bits: int
) -> dict[str, Grid]:
    """The grid of each rounded tensor of a spelled-out network, by name.

    `ranges` are those of the tensors that have a grid of their own. A matrix of coefficients lies on a
    symmetric one: a product's second factor must have a zero point of 0.
    """
    matrices = {tensor_name(node) for node, _ in calls(network, MixingMatrix)}
    grids = {
        name: (symmetric_grid if name in matrices else activation_grid)(low, high, bits)
        for name, (low, high) in ranges.items()
    }
    return {name: grids[owner] for name, owner in rounded_tensors(network).items()}


SMALLEST_RATIO = 2.0**-9
"""XNNPACK adds only tensors whose steps are at least 2^-10 of the sum's."""


def constant_grid(layer: Constant, result: Grid) -> Grid:
    """The grid of a layer's constant, as wide as the constant; `result` is that of what the layer gives."""
    low, high = min(0.0, float(layer.constant.min())), float(layer.constant.max())
    if isinstance(layer, AddConstant):
        high = max(high, low + result.scale * SMALLEST_RATIO * ((1 << result.bits) - 1))
    return activation_grid(low, high, result.bits)
