"""Lets a network read an image with its channels last, as cameras and most libraries give it."""

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import conv_of, with_conv
from micronet_edge.lowering.ir.graph import calls, inputs, module_of, only_reader, replace_module, shape_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import AddConstant, Denormalize, Permute, Reshape
from micronet_edge_onnx.passes.merge_with_padding_columns import BesideColumns
from micronet_edge_onnx.passes.read_bytes import ToFloat

LAST, ROWS, FIRST = "image/channels_last", "image/rows", "image/channels_first"
_TO_LAST, _TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


class ChannelsLast(Permute):
    """The image with its channels last, where a file starts that takes it so; no file holds it.

    Given    x [n, c, h, w]
    Result   y [n, h, w, c]
    """

    def __init__(self) -> None:
        super().__init__(_TO_LAST)


class ReadChannelsLast(Pass):
    """Makes the image with its channels last a tensor of the network, at which a file may start.

    Given    image [n, c, h, w] -> dense Conv2d, perhaps behind a constant for each channel and columns
    Result   image -> ChannelsLast [n, h, w, c] -> Reshape to one channel of rows [n, 1, h, w * c] -> the
             same with c numbers in the place of each pixel

    A map of one channel whose window and stride are c times as wide is convolved with as many multiply-adds
    and no number moves. Without `as_rows`, and for what else reads the image, its axes are permuted back.
    """

    def __init__(self, *, as_rows: bool = True) -> None:
        self._as_rows = as_rows

    def change(self, network: fx.GraphModule) -> int:
        if next(calls(network, ChannelsLast), None) is not None:
            return 0
        image = _image(network)
        readers, (_, channels, height, width) = list(image.users), shape_of(image)
        stem = _stem(image) if self._as_rows else None
        write = LayerWriter(network, readers[0], LAST.partition("/")[0])
        last = write(LAST, ChannelsLast(), image)
        if stem is not None or channels == 1:
            last = write(ROWS, Reshape((-1, 1, height, width * channels)), last)
        else:
            last = write(FIRST, Permute(_TO_FIRST), last)
        for reader in readers:
            reader.replace_input_with(image, last)
        if stem is not None and channels > 1:
            _read_rows(network, stem, width)
        return 1

    def check_after(self, network: fx.GraphModule) -> None:
        if next(calls(network, ChannelsLast), None) is None:
            raise LoweringError("the network reads the image with its channels first")


@dataclass(frozen=True, slots=True)
class _Stem:
    """The dense convolution that alone reads the image, and the layers before it."""

    before: tuple[fx.Node, ...]
    node: fx.Node
    conv: nn.Conv2d


def _image(network: fx.GraphModule) -> fx.Node:
    """The image, or its pixels where the file takes these."""
    (image,) = inputs(network)
    return next((node for node, _ in calls(network, Denormalize)), image)


def _stem(image: fx.Node) -> _Stem | None:
    before, node = [], only_reader(image)
    while node is not None and _is_alike_in_rows(node, shape_of(image)[1]):
        before.append(node)
        node = only_reader(node)
    conv = None if node is None else conv_of(module_of(node))
    if node is None or conv is None or conv.groups != 1 or isinstance(conv.padding, str):
        return None
    plain = conv.padding_mode == "zeros" and conv.dilation[1] == 1
    return _Stem(tuple(before), node, conv) if plain else None


def _is_alike_in_rows(node: fx.Node, channels: int) -> bool:
    layer = module_of(node)
    if isinstance(layer, AddConstant):
        return tuple(layer.constant.shape) == (1, channels, 1, 1)
    return isinstance(layer, ToFloat | BesideColumns)


def _read_rows(network: fx.GraphModule, stem: _Stem, width: int) -> None:
    for node in stem.before:
        match module_of(node):
            case AddConstant() as layer:
                # Of one axis, like a bias: files of float16 keep it as it is.
                replace_module(network, node, AddConstant(layer.constant.flatten().repeat(width)))
            case BesideColumns() as layer:
                replace_module(network, node, BesideColumns(_in_rows(layer.left), _in_rows(layer.right)))
    layer = module_of(stem.node)
    assert layer is not None
    replace_module(network, stem.node, with_conv(layer, _of_rows(stem.conv)))


def _in_rows(x: Tensor) -> Tensor:
    """Maps [n, c, h, w] as rows of pixels [n, 1, h, w * c]."""
    return x.permute(_TO_LAST).flatten(2).unsqueeze(1)


def _of_rows(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution of the same image as rows of pixels."""
    channels, (height, width) = conv.in_channels, conv.kernel_size
    (vertical, horizontal), (down, across) = conv.padding, conv.stride
    result = nn.Conv2d(
        1,
        conv.out_channels,
        (height, width * channels),
        (down, across * channels),
        (int(vertical), int(horizontal) * channels),
        (conv.dilation[0], 1),
        bias=conv.bias is not None,
    )
    with torch.no_grad():
        result.weight.copy_(_in_rows(conv.weight))
        if conv.bias is not None:
            assert result.bias is not None
            result.bias.copy_(conv.bias)
    return result.eval()
