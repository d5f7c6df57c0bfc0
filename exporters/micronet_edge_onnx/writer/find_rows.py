"""Which tensors [n, c, 1, 1] an integer file holds as rows [n, c]."""

from collections.abc import Sequence

from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of, shape_of
from micronet_edge.lowering.ir.primitives import (
    Add,
    AddConstant,
    Channels,
    Concatenate,
    Divide,
    Maximum,
    MaximumConstant,
    Minimum,
    MinimumConstant,
    Multiply,
    MultiplyConstant,
    Subtract,
)
from micronet_edge.lowering.ir.reorder import Reorder, Repeat
from micronet_edge.quantization.operators.function import FUNCTIONS

_ALIKE = (
    *(Add, Subtract, Multiply, Divide, Maximum, Minimum),
    *(AddConstant, MultiplyConstant, MaximumConstant, MinimumConstant),
    *(nn.ReLU, nn.Hardtanh, *FUNCTIONS, Channels, Reorder, Repeat),
)
"""Layers that compute of rows what they compute of maps of one pixel."""


def find_rows(layers: Sequence[fx.Node]) -> frozenset[fx.Node]:
    """The means over all pixels, and what is computed of nothing else.

    A product with a row needs no change to blocks of channels, as a convolution of one pixel does.
    """
    rows: set[fx.Node] = set()
    for node in layers:
        if shape_of(node)[2:] == (1, 1) and (_is_mean(node) or _is_alike(node, rows)):
            rows.add(node)
    return frozenset(rows)


def _is_mean(node: fx.Node) -> bool:
    return isinstance(module_of(node), nn.AdaptiveAvgPool2d)


def _is_alike(node: fx.Node, rows: set[fx.Node]) -> bool:
    if not rows.issuperset(node.all_input_nodes):
        return False
    match module_of(node):
        case nn.Conv2d(kernel_size=(1, 1), groups=1) | Concatenate(axis=1) | None:
            return True
        case layer:
            return isinstance(layer, _ALIKE)
