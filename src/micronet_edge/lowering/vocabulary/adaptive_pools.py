"""Pools to a fixed size of the result, whatever the input's."""

from collections.abc import Sequence

import torch
from torch import fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge.lowering.ir.primitives import Largest
from micronet_edge.lowering.vocabulary.convolutions import as_map
from micronet_edge.lowering.vocabulary.reductions import reduced
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer

_spells = VOCABULARY.spells
Sizes = int | Sequence[int | None] | None
_MAP_RANK = 4


@_spells(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
def average_layer(write: Writer, layer: nn.AdaptiveAvgPool1d | nn.AdaptiveAvgPool2d, x: fx.Node) -> fx.Node:
    if len(shape_of(x)) == _MAP_RANK and layer.output_size in {1, (1, 1)}:
        return write.keep(x)
    return average(write, x, layer.output_size)


@_spells(functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d, torch.adaptive_avg_pool1d)
def average(write: Writer, x: fx.Node, output_size: Sizes) -> fx.Node:
    """One mean, or windows of one size, or a product with a fixed matrix along each axis."""
    del output_size
    x = as_map(write, x, len(shape_of(x)) - 2)
    old, new = shape_of(x)[2:], _map_size(write)
    if new == (1, 1):
        made = write("mean", nn.AdaptiveAvgPool2d(1), x, shape=(*shape_of(x)[:2], 1, 1))
    elif (window := _window(old, new)) is not None:
        made = write("means", nn.AvgPool2d(window), x, shape=(*shape_of(x)[:2], *new))
    else:
        made = _along_last(write, x, new[1])
        turned = write.permute(made, (0, 1, 3, 2))
        made = write.permute(_along_last(write, turned, new[0]), (0, 1, 3, 2))
    return write.reshape(made, write.shape, write.axis)


@_spells(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)
def largest_layer(write: Writer, layer: nn.AdaptiveMaxPool1d | nn.AdaptiveMaxPool2d, x: fx.Node) -> fx.Node:
    return largest(write, x, layer.output_size, layer.return_indices)


@_spells(functional.adaptive_max_pool1d, functional.adaptive_max_pool2d)
def largest(write: Writer, x: fx.Node, output_size: Sizes, return_indices: bool = False) -> fx.Node:
    """The largest numbers of all, of windows of one size, or of parts."""
    del output_size
    if return_indices:
        raise write.refusal("files hold no places of largest numbers")
    x = as_map(write, x, len(shape_of(x)) - 2)
    old, new = shape_of(x)[2:], _map_size(write)
    if (window := _window(old, new)) is not None and new != (1, 1):
        made = write("largest", nn.MaxPool2d(window), x, shape=(*shape_of(x)[:2], *new))
    else:
        made = x
        for axis, length in ((2, new[0]), (3, new[1])):
            made = _largest_parts(write, made, axis, length)
    return write.reshape(made, write.shape, write.axis)


def _largest_parts(write: Writer, x: fx.Node, axis: int, length: int) -> fx.Node:
    parts = [
        reduced(write, Largest, write.slice(x, axis, *ends), axis, keepdim=True)
        for ends in _ends(shape_of(x)[axis], length)
    ]
    return write.concatenate(list(parts), axis)


def _along_last(write: Writer, x: fx.Node, length: int) -> fx.Node:
    """Means of parts of the last axis, by a linear layer."""
    old = shape_of(x)[-1]
    if old == length:
        return x
    matrix = torch.zeros(length, old)
    for row, (start, stop) in enumerate(_ends(old, length)):
        matrix[row, start:stop] = 1 / (stop - start)
    layer = nn.Linear(old, length, bias=False)
    layer.weight = nn.Parameter(matrix)
    return write("means", layer, x, shape=(*shape_of(x)[:-1], length))


def _ends(old: int, new: int) -> list[tuple[int, int]]:
    return [(place * old // new, -(-(place + 1) * old // new)) for place in range(new)]


def _window(old: tuple[int, ...], new: tuple[int, int]) -> tuple[int, int] | None:
    whole = all(a % b == 0 for a, b in zip(old, new, strict=True))
    return (old[0] // new[0], old[1] // new[1]) if whole else None


def _map_size(write: Writer) -> tuple[int, int]:
    sizes = write.shape[2:]
    return (1, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])
