"""How tensors lie in memory: which kernel a convolution takes, borders, and shuffles that cost nothing."""

from enum import StrEnum

import numpy as np
from torch import fx, nn

from micronet_edge.lowering.ir.graph import inputs_of, module_of, only_reader, shape_of
from micronet_edge.lowering.ir.primitives import Frame
from micronet_edge.lowering.ir.reorder import GatheredReorder
from micronet_edge.lowering.passes.fold_input_normalization import PIXELS
from micronet_edge.models import ChannelShuffle
from micronet_edge.quantization.quantized_tensors import clip_after, is_done_before
from micronet_edge_c.program.buffers import NO_BORDER, Border

PIXEL: frozenset[tuple[int, ...]] = frozenset({(), (1, 1)})
"""The height and width of a map of one pixel; a vector has none."""


class ConvolutionKernel(StrEnum):
    """The kernels for convolutions, by the shapes that they are for."""

    LINEAR = "linear"
    """The map is one pixel."""
    POINTWISE = "pointwise"
    """1 x 1 with stride 1."""
    LINES = "depthwise lines"
    """K x 1 or 1 x K, one input channel for each output channel."""
    SQUARE = "depthwise square"
    """K x K, one output channel for each input channel."""
    WINDOW = "convolution"
    """Any other."""


def kernel_for(node: fx.Node) -> ConvolutionKernel:
    """The kernel that computes a call of a convolution."""
    conv = module_of(node)
    assert isinstance(conv, nn.Conv2d)
    (height, width), (down, across) = conv.kernel_size, conv.stride
    if (height, width, down, across) == (1, 1, 1, 1) and not any(padding_of(conv)):
        one = is_pixel(inputs_of(node)[0]) and conv.groups == 1
        return ConvolutionKernel.LINEAR if one else ConvolutionKernel.POINTWISE
    if conv.groups == conv.in_channels and reads_arena(node):
        vertical, horizontal = padding_of(conv)
        if (width, across, horizontal) == (1, 1, 0) or (height, down, vertical) == (1, 1, 0):
            return ConvolutionKernel.LINES
        if height == width and down == across and conv.out_channels == conv.in_channels:
            return ConvolutionKernel.SQUARE
    return ConvolutionKernel.WINDOW


def reads_arena(node: fx.Node) -> bool:
    """Whether the node's input lies in the arena, where a border can be put around it."""
    source = inputs_of(node)[0]
    return source.op != "placeholder" and source.target != PIXELS and not isinstance(module_of(source), Frame)


def padding_of(conv: nn.Conv2d) -> tuple[int, int]:
    """The rows above and below, and the columns beside, that the convolution reads of a border."""
    assert not isinstance(conv.padding, str)  # the target refuses these
    vertical, horizontal = conv.padding
    return int(vertical), int(horizontal)


def border_for(node: fx.Node) -> Border:
    """The border that the readers of the node's tensor want around it."""
    border = NO_BORDER
    for reader in node.users:
        layer = module_of(reader)
        if is_done_before(reader):
            border |= border_for(reader)
        elif isinstance(layer, nn.Conv2d) and kernel_for(reader) in {
            ConvolutionKernel.LINES,
            ConvolutionKernel.SQUARE,
        }:
            vertical, horizontal = padding_of(layer)
            border |= Border(vertical, vertical, horizontal, horizontal)
    return border


Shuffle = tuple[int, ...]
"""Output channel p is input channel `shuffle[p]`."""


def shuffle_of(node: fx.Node) -> Shuffle | None:
    """The order in which the node reads its input's channels; None unless it only reorders channels."""
    layer = module_of(node)
    if isinstance(layer, ChannelShuffle):
        return layer.source(shape_of(node)[1])
    if isinstance(layer, GatheredReorder):
        return tuple(int(channel) for channel in layer.index)
    return None


def shuffled(node: fx.Node) -> tuple[list[fx.Node], Shuffle | None]:
    """The shuffles behind the node, and behind its clip, that a kernel does while it writes.

    Returns:
        The nodes, each of which alone reads the one before, and the order of all of them together.
    """
    last, nodes = clip_after(node) or node, []
    order = np.arange(shape_of(last)[1])
    while (reader := only_reader(last)) is not None and (shuffle := shuffle_of(reader)) is not None:
        order, last = order[list(shuffle)], reader
        nodes.append(reader)
    return nodes, tuple(order.tolist()) if nodes else None


def is_global_mean(node: fx.Node) -> bool:
    """Whether the node computes the mean of each channel over the whole map."""
    return isinstance(layer := module_of(node), nn.AdaptiveAvgPool2d) and layer.output_size in {1, (1, 1)}


def is_view(node: fx.Node) -> bool:
    """Whether the node gives the numbers of its input, in the order in which they lie in memory."""
    return isinstance(module_of(node), nn.Flatten) and is_pixel(inputs_of(node)[0])


def is_pixel(node: fx.Node) -> bool:
    """Whether the node's tensor is a map of one pixel, or a vector."""
    return tuple(shape_of(node)[2:]) in PIXEL


def before_views(node: fx.Node) -> fx.Node:
    """The node whose buffer the node's readers read."""
    while is_view(node):
        node = inputs_of(node)[0]
    return node
