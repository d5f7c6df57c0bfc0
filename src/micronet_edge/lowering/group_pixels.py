"""Lets the first convolution read and give several columns of pixels at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.contract import Rewrite
from micronet_edge.lowering.convolutions import bias_of, conv_at, is_dense
from micronet_edge.lowering.elementary import (
    AddConstant,
    ChannelsToColumns,
    Columns,
    ColumnsToChannels,
    ConcatenateColumns,
    Frame,
)
from micronet_edge.lowering.graph import calls, copy_of_layer, module_of, only_input, shape_of
from micronet_edge.lowering.layer_writer import LayerWriter, layer_of

GROUPS = (4, 2)
"""Columns that may be read as one, the most first."""

TILE = 16
"""Output channels that XNNPACK's widest integer matrix product computes at a time: fewer cost as much."""

GROUPED, LEFT, INSIDE = "grouped", "left", "inside"


class GroupPixels(Rewrite):
    """Groups the columns of an image, and gives the first group a convolution of its own.

    Given    x -> Frame -> dense conv without padding, stride s [-> border correction] -> clip
    Result   x, g columns as one of g times the channels -> Frame above and below ->
             [conv of the first group, conv of two neighbouring groups] -> clip -> side by side,
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
    """The layers from the frame to the clip, and how many columns to read and to give as one."""

    frame: fx.Node
    conv: fx.Node
    border: fx.Node | None
    clip: fx.Node
    read: int

    @property
    def given(self) -> int:
        return self.read // int(conv_at(self.conv).stride[1])

    def correction(self) -> Tensor:
        """What the border adds to the first columns given: [d, given]."""
        outputs = shape_of(self.conv)[1]
        if self.border is None:
            return torch.zeros(outputs, self.given)
        return _map(self.border)[0, :, 0, : self.given]


def _found(network: fx.GraphModule) -> _Found | None:
    for frame, _ in calls(network, Frame):
        chain = list(_only_readers(frame))
        border = next((node for node in chain[1:2] if isinstance(module_of(node), AddConstant)), None)
        match [node for node in chain if node is not border]:
            case [conv, clip, *_] if is_dense(module_of(conv)) and isinstance(module_of(clip), nn.Hardtanh):
                candidates = (_Found(frame, conv, border, clip, read) for read in GROUPS)
                return next(filter(_fits, candidates), None)
    return None


def _only_readers(node: fx.Node) -> Iterator[fx.Node]:
    """The layer that alone reads what the node gives, the one that alone reads what that gives, and so on."""
    while len(node.users) == 1:
        (node,) = node.users
        yield node


def _map(border: fx.Node) -> Tensor:
    layer = module_of(border)
    assert isinstance(layer, AddConstant)
    return layer.constant


def _fits(found: _Found) -> bool:
    """Whether a group of outputs reads two groups of columns, and the border ends in the first."""
    conv, frame = conv_at(found.conv), module_of(found.frame)
    assert isinstance(frame, Frame)
    width = shape_of(only_input(found.frame))[3]
    stride, side = int(conv.stride[1]), frame.horizontal
    whole = width % found.read == 0 and found.given * stride == found.read
    given = shape_of(found.conv)[3] * stride == width
    last = stride * (found.given - 1) - side + conv.kernel_size[1] - 1
    reached = 0 < side <= found.read and last < found.read
    fills = conv.out_channels * found.given <= TILE
    near = found.border is None or not _map(found.border)[..., found.given :].any()
    plain = (conv.padding, conv.dilation) == ((0, 0), (1, 1))
    return plain and whole and given and reached and fills and near


def _group(network: fx.GraphModule, found: _Found) -> None:
    conv, frame = conv_at(found.conv), module_of(found.frame)
    assert isinstance(frame, Frame)
    write = LayerWriter(network, found.clip, layer_of(found.conv))
    taps = _grouped_taps(conv, found, frame.horizontal)
    bias = bias_of(conv).repeat(found.given)

    pixels = only_input(found.frame)
    grouped = write(f"{pixels.target}/{GROUPED}", ColumnsToChannels(found.read), pixels)
    rows = Frame(frame.values.repeat(found.read), frame.vertical, 0)
    framed = write(str(found.frame.target), rows, grouped)
    first = write(f"{found.frame.target}/{LEFT}", Columns(0, 1), framed)

    name = str(found.conv.target)
    beside = taps[..., 0].sum(2) @ frame.values.repeat(found.read)
    edge = bias + beside + found.correction().T.flatten()
    left = write(f"{name}/{LEFT}", _conv(taps[..., 1:], edge, conv), first)
    inside = write(f"{name}/{INSIDE}", _conv(taps, bias, conv), framed)

    name = str(found.clip.target)
    clipped = [
        write(f"{name}/{part}", copy_of_layer(found.clip), node)
        for part, node in ((LEFT, left), (INSIDE, inside))
    ]
    joined = write(f"{name}/{GROUPED}", ConcatenateColumns(), *clipped)
    found.clip.replace_all_uses_with(write(f"{name}/pixels", ChannelsToColumns(found.given), joined))
    for node in (found.clip, found.border, found.conv, found.frame):
        if node is not None:
            network.graph.erase_node(node)


def _grouped_taps(conv: nn.Conv2d, found: _Found, side: int) -> Tensor:
    """The kernel over two groups of columns: [given * d, read * c, rows, 2]."""
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
