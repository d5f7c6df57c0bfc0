"""Gives every rounded tensor its grid."""

from collections.abc import Mapping

from torch import fx

from micronet_edge.lowering.elementary import MixingMatrix
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
