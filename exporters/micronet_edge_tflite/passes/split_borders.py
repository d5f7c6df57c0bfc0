"""Computes a map's border columns by convolutions of their own, instead of correcting the whole map."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, conv_at, corrects_borders, with_weights
from micronet_edge.lowering.ir.graph import (
    calls,
    copy_of_layer,
    feeds_only,
    module_of,
    only_input,
    only_reader,
    shape_of,
)
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant, Columns, ConcatenateColumns

NUMBERS_THAT_PAY = 20_000
"""Elements of a map per border column from which its own convolution is cheaper than the addition.

LiteRT takes about 0.15 ns an element to add, 0.05 ns to copy the inside, 2 us for a column's convolution.
"""

WHOLE, INSIDE = "whole", "inside"


class SplitBorders(Pass):
    """Computes the columns where zero padding makes a difference separately.

    Given    x -> conv -> AddConstant, zero but in a few columns at the left and the right [-> clip]
    Result   [conv -> columns inside, conv of each other column with a bias of its own] [-> clips] ->
             side by side

    In float the numbers stay the same. In integers the whole map is rounded once less.
    """

    def __init__(self, numbers_that_pay: int = NUMBERS_THAT_PAY) -> None:
        self.numbers_that_pay = numbers_that_pay

    def change(self, network: fx.GraphModule) -> int:
        found = list(self._found(network))
        for border in found:
            _split(network, border)
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for border in self._found(network):
            raise LoweringError(f"{border.node.target} could still be split")

    def _found(self, network: fx.GraphModule) -> Iterator["_Border"]:
        for border in _borders(network):
            inside, columns = len(border.inside), len(border.columns)
            whole = inside + columns == border.constant.shape[3]
            pays = prod(shape_of(border.node)[1:]) >= self.numbers_that_pay * columns
            if inside and columns and whole and pays:
                yield border


@dataclass(frozen=True, slots=True)
class _Border:
    """A correction, the convolution before it, the clip after it, and the columns that it changes.

    `width` is that of the convolution's input.
    """

    node: fx.Node
    conv: fx.Node
    clip: fx.Node | None
    columns: tuple[int, ...]
    width: int

    @property
    def constant(self) -> Tensor:
        layer = module_of(self.node)
        assert isinstance(layer, AddConstant)
        return layer.constant

    @property
    def inside(self) -> range:
        """The columns that it does not change, from the first to the last."""
        untouched = sorted(set(range(self.constant.shape[3])) - set(self.columns))
        return range(untouched[0], untouched[-1] + 1) if untouched else range(0)


def _borders(network: fx.GraphModule) -> Iterator[_Border]:
    for node, layer in calls(network, AddConstant):
        conv, constant = only_input(node), layer.constant
        by_column = corrects_borders(node) and constant.shape[3] > 1
        if not by_column or not feeds_only(conv, node) or not _pads_with_zeros(module_of(conv)):
            continue
        columns = tuple(torch.nonzero(constant.abs().amax((0, 1, 2))).flatten().tolist())
        reader = only_reader(node)
        clip = reader if reader and isinstance(module_of(reader), nn.ReLU | nn.Hardtanh) else None
        yield _Border(node, conv, clip, columns, shape_of(only_input(conv))[3])


def _pads_with_zeros(layer: nn.Module | None) -> bool:
    return isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros" and layer.dilation == (1, 1)


def _split(network: fx.GraphModule, border: _Border) -> None:
    conv, name = conv_at(border.conv), str(border.node.target)
    last = border.clip or border.node
    write = LayerWriter(network, last, layer_of(border.conv))
    x, inside = only_input(border.conv), border.inside

    def clipped(path: str, y: fx.Node) -> fx.Node:
        return y if border.clip is None else write(path, copy_of_layer(border.clip), y)

    whole = clipped(f"{name}/{WHOLE}", border.conv)
    parts = {inside.start: write(f"{name}/{INSIDE}", Columns(inside.start, inside.stop), whole)}
    for column in border.columns:
        bias = bias_of(conv) + border.constant[0, :, 0, column]
        window, alone = _conv_of_column(conv, column, border.width, bias)
        read = write(f"{name}/{column}/read", window, x)
        parts[column] = clipped(f"{name}/{column}/clipped", write(f"{name}/{column}", alone, read))
    joined = write(f"{name}/joined", ConcatenateColumns(), *(parts[place] for place in sorted(parts)))
    last.replace_all_uses_with(joined)
    for node in (border.clip, border.node):
        if node is not None:
            network.graph.erase_node(node)


def _conv_of_column(conv: nn.Conv2d, column: int, width: int, bias: Tensor) -> tuple[Columns, nn.Conv2d]:
    """The input columns of one output column, and the convolution that computes it from them."""
    taps, side = conv.weight.shape[3], int(conv.padding[1])
    first = int(conv.stride[1]) * column - side
    start, stop = max(first, 0), min(first + taps, width)
    alone = with_weights(conv, conv.weight[..., start - first : stop - first], bias)
    alone.padding = (int(conv.padding[0]), 0)
    return Columns(start, stop), alone
