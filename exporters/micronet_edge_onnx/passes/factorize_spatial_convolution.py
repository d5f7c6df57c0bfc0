"""Factorizes merged K x K convolutions again, for runtimes that are fast at depthwise ones."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, conv_at, corrects_borders, with_weights
from micronet_edge.lowering.ir.graph import calls, module_of, only_input, only_reader, shape_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.ir.reorder import GatheredReorder, Repeat

_EXACT = 1e-5
"""Largest difference between a window and the product of its halves, relative to the window."""

_EQUAL = 1e-5


class FactorizeSpatialConvolution(Pass):
    """Factorizes merged convolutions of the named layers.

    Given    x -> Conv2d K x K, each output the product of a column and a row over one channel
             [-> AddConstant, the correction of its borders]
    Result   x -> Repeat -> depthwise K x 1 -> Repeat -> depthwise 1 x K, the correction as a bias between

    Layers whose weights were fine-tuned since are no such products, and stay.
    """

    def __init__(self, layers: frozenset[str]) -> None:
        self.layers = layers

    def change(self, network: fx.GraphModule) -> int:
        found = [(node, halves) for node in self._convs(network) if (halves := _halves(node)) is not None]
        for node, halves in found:
            _separate(network, node, halves)
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for node in self._convs(network):
            if _halves(node) is not None:
                raise LoweringError(f"{node.target} could still be factorized")

    def _convs(self, network: fx.GraphModule) -> list[fx.Node]:
        return [
            node for node, conv in calls(network, nn.Conv2d) if node.target in self.layers and _square(conv)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class _Halves:
    """What a convolution is a product of.

    `columns` [d, k] over the channels `sources` of x, with `biases`; `rows` [e, k] over the columns
    `chosen`; `outputs` are the rows that its outputs are.
    """

    sources: tuple[int, ...]
    columns: Tensor
    biases: Tensor
    chosen: tuple[int, ...]
    rows: Tensor
    bias: Tensor
    outputs: tuple[int, ...]


def _square(conv: nn.Conv2d) -> bool:
    height, width = conv.kernel_size
    return height == width > 1 and conv.padding == (height // 2, width // 2) and conv.dilation == (1, 1)


def _halves(node: fx.Node) -> _Halves | None:
    conv = conv_at(node)
    sources = _sources(conv)
    if sources is None:
        return None
    windows = conv.weight.detach().double()
    windows = windows[torch.arange(len(windows)), sources if conv.groups == 1 else 0]
    left, sizes, right = torch.linalg.svd(windows)
    if not (sizes[:, 1] <= _EXACT * sizes[:, 0]).all():
        return None
    sign = left[:, :, 0].sum(1).sign()[:, None]  # so that equal columns are equal numbers
    columns, rows = left[:, :, 0] * sign, right[:, 0] * sizes[:, :1] * sign
    biases = _biases(node, conv, rows)
    if biases is None:
        return None
    bias = bias_of(conv).double() - biases * rows.sum(1)
    # Equal ones once: a column that several outputs share, an output that an activation reads twice.
    column_of, first_columns = _once(torch.cat([sources[:, None].double(), columns, biases[:, None]], 1))
    chosen = torch.tensor(column_of)
    outputs, first = _once(torch.cat([chosen[:, None].double(), rows, bias[:, None]], 1))
    read = tuple(sources[first_columns].tolist()), tuple(chosen[first].tolist())
    if any(len({*Counter(each).values()}) > 1 for each in read):
        return None
    return _Halves(
        read[0], columns[first_columns], biases[first_columns], read[1], rows[first], bias[first], outputs
    )


def _sources(conv: nn.Conv2d) -> Tensor | None:
    """The one channel that each output reads; None where one reads several."""
    if conv.groups == conv.in_channels:
        return torch.arange(conv.in_channels).repeat_interleave(conv.out_channels // conv.groups)
    used = conv.weight.detach().abs().amax((2, 3)) > 0
    if conv.groups > 1 or not (used.sum(1) == 1).all():
        return None
    return used.int().argmax(1)


def _biases(node: fx.Node, conv: nn.Conv2d, rows: Tensor) -> Tensor | None:
    """The bias of each output's column, which makes the correction of the borders."""
    correction = module_of(_end(node))
    if not isinstance(correction, AddConstant):
        return torch.zeros(len(rows), dtype=torch.float64)
    wanted = correction.constant.detach().double().expand(1, len(rows), 1, shape_of(node)[3])[0, :, 0]
    ones = torch.ones(1, len(rows), 1, shape_of(only_input(node))[3], dtype=torch.float64)
    inside = functional.conv2d(
        ones,
        rows[:, None, None],
        stride=(1, conv.stride[1]),
        padding=(0, conv.kernel_size[1] // 2),
        groups=len(rows),
    )[0, :, 0]
    outside = inside - rows.sum(1, keepdim=True)
    biases = (wanted * outside).sum(1) / outside.square().sum(1).clamp_min(1e-30)
    exact = (wanted - biases[:, None] * outside).abs().max() <= _EXACT * wanted.abs().max()
    return biases if exact else None


def _end(node: fx.Node) -> fx.Node:
    """The correction of the convolution's borders, or the convolution itself where there is none."""
    reader = only_reader(node)
    return reader if reader is not None and corrects_borders(reader) else node


def _once(described: Tensor) -> tuple[tuple[int, ...], list[int]]:
    """For each row which of the different rows it is, and where these are first found."""
    first: list[int] = []
    which = []
    for place, row in enumerate(described):
        same = [
            n for n, other in enumerate(first) if torch.allclose(described[other], row, rtol=0, atol=_EQUAL)
        ]
        if not same:
            first.append(place)
        which.append(same[0] if same else len(first) - 1)
    return tuple(which), first


def _separate(network: fx.GraphModule, node: fx.Node, halves: _Halves) -> None:
    conv, end = conv_at(node), _end(node)
    half = conv.kernel_size[0] // 2
    down = _depthwise(halves.columns[:, None, :, None], halves.biases, (conv.stride[0], 1), (half, 0))
    across = _depthwise(halves.rows[:, None, None, :], halves.bias, (1, conv.stride[1]), (0, half))
    write = LayerWriter(network, node, layer_of(node))
    x = only_input(node)
    for name, index, layer in (("down", halves.sources, down), ("across", halves.chosen, across)):
        if index != tuple(range(len(index))):
            x = write(f"{node.target}/{name}/repeat", Repeat(index, max(Counter(index).values())), x)
        x = write(f"{node.target}/{name}", layer, x)
    if halves.outputs != tuple(range(len(halves.outputs))):
        x = write(f"{node.target}/order", GatheredReorder(np.array(halves.outputs)), x)
    end.replace_all_uses_with(x)
    for gone in dict.fromkeys((end, node)):
        network.graph.erase_node(gone)


def _depthwise(weight: Tensor, bias: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> nn.Conv2d:
    shape = nn.Conv2d(len(weight), len(weight), 1, stride, padding, groups=len(weight))
    return with_weights(shape, weight, bias)
