"""Lets the first convolution read and give several columns of pixels at a time."""

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, conv_at, corrects_borders, is_dense
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
from micronet_edge.lowering.ir.primitives import (
    AddConstant,
    ChannelsToColumns,
    Columns,
    ColumnsToChannels,
    ConcatenateColumns,
    Frame,
)

GROUPS = (4, 2)
"""Columns that may be read as one, the most first."""

TILE = 16
"""Output channels that XNNPACK's widest integer matrix product computes at a time: fewer cost as much."""

GROUPED, LEFT, INSIDE = "grouped", "left", "inside"


class SpaceToDepthWidth(Pass):
    """Groups the columns of an image, and gives the first group a convolution of its own.

    Given    the first conv, dense, of stride s, padded with zeros or by a Frame [-> border correction]
             [-> clip]
    Result   its input, g columns as one of g times the channels -> Frame above and below ->
             [conv of the first group, conv of two neighbouring groups] [-> clips] -> side by side,
             g / s columns as one of g / s times the channels -> ungrouped

    In float nothing changes. Three channels a pixel leave most of an integer product's inputs empty, and
    few outputs most of its results: 2 x 3 groups of four pixels are two thirds of the work of 3 x 3
    pixels, twice. What the left border adds or lacks is the first convolution's bias: no correction
    passes over the map, and nothing is rounded before it.
    """

    def change(self, network: fx.GraphModule) -> int:
        found = _found(network)
        if found is None:
            return 0
        _group(network, found)
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        if _found(network) is not None:
            raise LoweringError("the first convolution still reads pixel by pixel")


@dataclass(frozen=True, slots=True)
class _Found:
    """The layers from the frame to the clip, as far as there are any, and how many columns to read as one."""

    frame: fx.Node | None
    node: fx.Node
    border: fx.Node | None
    clip: fx.Node | None
    read: int

    @property
    def conv(self) -> nn.Conv2d:
        return conv_at(self.node)

    @property
    def given(self) -> int:
        """How many columns of the result are computed as one."""
        return self.read // int(self.conv.stride[1])

    @property
    def x(self) -> fx.Node:
        return only_input(self.frame or self.node)

    @property
    def around(self) -> Frame:
        """What the input is padded with."""
        layer = None if self.frame is None else module_of(self.frame)
        if isinstance(layer, Frame):
            return layer
        vertical, horizontal = (int(side) for side in self.conv.padding)
        return Frame(torch.zeros(self.conv.in_channels), vertical, horizontal)

    @property
    def corrections(self) -> Tensor:
        """What the border adds: [d, columns of the result]."""
        layer = None if self.border is None else module_of(self.border)
        if not isinstance(layer, AddConstant):
            return torch.zeros(self.conv.out_channels, shape_of(self.node)[3])
        return layer.constant[0, :, 0]


def _found(network: fx.GraphModule) -> _Found | None:
    node, conv = next(calls(network, nn.Conv2d), (None, None))
    if node is None or conv is None or not is_dense(conv) or conv.padding_mode != "zeros":
        return None
    before = only_input(node)
    frame = before if isinstance(module_of(before), Frame) and feeds_only(before, node) else None
    border, after = None, only_reader(node)
    if after is not None and corrects_borders(after):
        border, after = after, only_reader(after)
    clip = after if after is not None and isinstance(module_of(after), nn.Hardtanh) else None
    return next(filter(_fits, (_Found(frame, node, border, clip, read) for read in GROUPS)), None)


def _fits(found: _Found) -> bool:
    """Whether a group of outputs reads two groups of columns, and the border ends in the first."""
    conv, side = found.conv, found.around.horizontal
    width, stride = shape_of(found.x)[3], int(conv.stride[1])
    whole = width % found.read == 0 and found.given * stride == found.read
    given = shape_of(found.node)[3] * stride == width
    last = stride * (found.given - 1) - side + conv.kernel_size[1] - 1
    reached = 0 < side <= found.read and last < found.read
    fills = conv.out_channels * found.given <= TILE
    near = not found.corrections[:, found.given :].any()
    padded_once = found.frame is None or conv.padding == (0, 0)
    return conv.dilation == (1, 1) and padded_once and whole and given and reached and fills and near


def _group(network: fx.GraphModule, found: _Found) -> None:
    conv, frame = found.conv, found.around
    last = found.clip or found.border or found.node
    write = LayerWriter(network, last, layer_of(found.node))
    taps = _grouped_taps(found)
    bias = bias_of(conv).repeat(found.given)

    name = found.x.target
    grouped = write(f"{name}/{GROUPED}", ColumnsToChannels(found.read), found.x)
    rows = Frame(frame.values.repeat(found.read), frame.vertical, 0)
    framed = write(f"{name}/{GROUPED}/framed", rows, grouped)
    first = write(f"{name}/{GROUPED}/{LEFT}", Columns(0, 1), framed)

    beside = taps[..., 0].sum(2) @ frame.values.repeat(found.read)
    edge = bias + beside + found.corrections[:, : found.given].T.flatten()
    name = found.node.target
    parts = [
        write(f"{name}/{LEFT}", _conv(taps[..., 1:], edge, conv), first),
        write(f"{name}/{INSIDE}", _conv(taps, bias, conv), framed),
    ]
    name = last.target
    if found.clip is not None:
        ends = zip((LEFT, INSIDE), parts, strict=True)
        parts = [write(f"{name}/{part}", copy_of_layer(found.clip), each) for part, each in ends]
    joined = write(f"{name}/{GROUPED}", ConcatenateColumns(), *parts)
    last.replace_all_uses_with(write(f"{name}/pixels", ChannelsToColumns(found.given), joined))
    for node in (found.clip, found.border, found.node, found.frame):
        if node is not None:
            network.graph.erase_node(node)


def _grouped_taps(found: _Found) -> Tensor:
    """The kernel over two groups of columns: [given * d, read * c, rows, 2]."""
    conv, side = found.conv, found.around.horizontal
    outputs, inputs, rows, width = conv.weight.shape
    taps = torch.zeros(found.given, outputs, 2, found.read, inputs, rows)
    for column in range(found.given):
        for tap in range(width):
            group, place = divmod(int(conv.stride[1]) * column - side + tap, found.read)
            taps[column, :, group + 1, place] = conv.weight.detach()[..., tap]
    return taps.permute(0, 1, 3, 4, 5, 2).flatten(2, 3).flatten(0, 1)


def _conv(taps: Tensor, bias: Tensor, like: nn.Conv2d) -> nn.Conv2d:
    outputs, inputs, rows, width = taps.shape
    conv = nn.Conv2d(inputs, outputs, (rows, width), stride=(int(like.stride[0]), 1))
    with torch.no_grad():
        conv.weight.copy_(taps)
        assert conv.bias is not None
        conv.bias.copy_(bias)
    return conv
