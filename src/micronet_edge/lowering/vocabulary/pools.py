"""Pools of fixed windows, over one and two axes."""

from collections.abc import Sequence

import torch
from torch import fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge.lowering.vocabulary.broadcasting import combined
from micronet_edge.lowering.vocabulary.convolutions import as_map
from micronet_edge.lowering.vocabulary.padding import padded
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer

_spells = VOCABULARY.spells
Sizes = int | Sequence[int]
_MAP_RANK = 4


@_spells(nn.MaxPool1d, nn.MaxPool2d)
def max_pool_layer(write: Writer, layer: nn.MaxPool1d | nn.MaxPool2d, x: fx.Node) -> object:
    plain = not layer.return_indices and layer.dilation in {1, (1, 1)}
    if plain and len(shape_of(x)) == _MAP_RANK:
        return write.keep(x)
    return max_pool(
        write,
        x,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.ceil_mode,
        layer.return_indices,
    )


@_spells(functional.max_pool1d, functional.max_pool2d, torch.max_pool1d, torch.max_pool2d)
def max_pool(
    write: Writer,
    x: fx.Node,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> fx.Node:
    """The largest number of each window."""
    if return_indices:
        raise write.refusal("files hold no places of largest numbers: use Upsample or ConvTranspose2d")
    rank = len(shape_of(x)) - 2
    kernel, pads = _pair(kernel_size, rank, 1), _pair(padding, rank, 0)
    strides = _pair(stride, rank, 1) if stride not in {None, ()} else kernel
    if set(_pair(dilation, rank, 1)) != {1}:
        raise write.refusal("files hold no dilated pools: stack pools of stride 1")
    x = as_map(write, x, rank)
    return _pooled(write, nn.MaxPool2d(kernel, strides, pads, ceil_mode=ceil_mode), x)


@_spells(nn.AvgPool1d, nn.AvgPool2d)
def average_pool_layer(write: Writer, layer: nn.AvgPool1d | nn.AvgPool2d, x: fx.Node) -> fx.Node:
    divisor = getattr(layer, "divisor_override", None)
    if not layer.ceil_mode and divisor is None and len(shape_of(x)) == _MAP_RANK:
        return write.keep(x)
    return average_pool(
        write,
        x,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.ceil_mode,
        layer.count_include_pad,
        divisor,
    )


@_spells(functional.avg_pool1d, functional.avg_pool2d, torch.avg_pool1d)
def average_pool(
    write: Writer,
    x: fx.Node,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> fx.Node:
    """The mean of each window; where windows differ in what they count, a product corrects them."""
    rank = len(shape_of(x)) - 2
    kernel, pads = _pair(kernel_size, rank, 1), _pair(padding, rank, 0)
    strides = _pair(stride, rank, 1) if stride not in {None, ()} else kernel
    x = as_map(write, x, rank)
    ends = _reach(write, x, kernel, strides, pads) if ceil_mode else (0, 0)
    if ends == (0, 0) and divisor_override is None:
        return _pooled(write, nn.AvgPool2d(kernel, strides, pads, count_include_pad=count_include_pad), x)
    ones = torch.ones(1, 1, *shape_of(x)[2:], dtype=torch.float64)
    theirs = functional.avg_pool2d(
        ones, kernel, strides, pads, ceil_mode, count_include_pad, divisor_override
    )
    sides = ((0, 0), (0, 0), *((side, side + end) for side, end in zip(pads, ends, strict=True)))
    wide = padded(write, x, sides, "constant")
    around = [(side, side + end) for side, end in zip(pads, ends, strict=True)]
    flat = [each for pair in reversed(around) for each in pair]
    ours = functional.avg_pool2d(functional.pad(ones, flat), kernel, strides)
    shape = (*shape_of(x)[:2], *theirs.shape[2:])
    means = write("means", nn.AvgPool2d(kernel, strides), wide, shape=shape)
    result = combined(write, "multiply", means, theirs[0, 0] / ours[0, 0])
    return write.reshape(result, write.shape, write.axis)


def _pooled(write: Writer, layer: nn.Module, x: fx.Node) -> fx.Node:
    shape = write.shape
    made = write("pool", layer, x, shape=(*shape[:2], *((1,) if len(shape) < _MAP_RANK else ()), *shape[2:]))
    return write.reshape(made, shape, write.axis)


def _reach(
    write: Writer, x: fx.Node, kernel: tuple[int, int], strides: tuple[int, int], pads: tuple[int, int]
) -> tuple[int, int]:
    """How far the last windows reach beyond the padding."""
    results = write.shape[2:] if len(write.shape) == _MAP_RANK else (1, *write.shape[2:])
    ends = [
        (result - 1) * stride + size - 2 * pad - length
        for result, stride, size, pad, length in zip(
            results, strides, kernel, pads, shape_of(x)[2:], strict=True
        )
    ]
    return max(0, ends[0]), max(0, ends[1])


def _pair(given: Sizes | None, rank: int, height: int) -> tuple[int, int]:
    values = (given,) if isinstance(given, int) else tuple(given or ())
    if rank == 1:
        return height, values[0]
    return values[0], values[-1]
