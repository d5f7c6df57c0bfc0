"""Parts of tensors, and tensors put together."""

import operator
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.channel_order import segments
from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.shapes import numbers_in
from micronet_edge.lowering.vocabulary.writer import Value, Writer

_spells = VOCABULARY.spells
_MOST_PIECES = 256


def picked(write: Writer, x: fx.Node, axis: int, places: Sequence[int]) -> fx.Node:
    """The positions of an axis in that order: slices one behind the other."""
    length = shape_of(x)[axis]
    pieces = segments(np.array([place % length for place in places]))
    if len(pieces) > _MOST_PIECES:
        raise write.refusal(f"it picks {len(pieces)} separate pieces of an axis, more than {_MOST_PIECES}")
    return write.concatenate([write.slice(x, axis, *piece) for piece in pieces], axis)


@_spells(operator.getitem, "__getitem__")
def getitem(write: Writer, x: fx.Node, place: object) -> fx.Node:
    """Slices, single places, fixed lists of places, new axes."""
    index = place if isinstance(place, tuple) else (place,)
    if sum(isinstance(each, list) or (isinstance(each, Tensor) and each.ndim > 0) for each in index) > 1:
        raise write.refusal("it picks places of several axes at once: pick along one axis after the other")
    named = sum(each is not None and each is not Ellipsis for each in index)
    whole = [slice(None)] * (len(shape_of(x)) - named)
    if not any(each is Ellipsis for each in index):
        index = (*index, Ellipsis)
    axis = 0
    for each in index:
        for item in whole if each is Ellipsis else [each]:
            if item is not None:
                x = _part(write, x, axis, item)
                axis += 1
    return write.reshape(x, write.shape, write.axis)


def _part(write: Writer, x: fx.Node, axis: int, item: object) -> fx.Node:
    length = shape_of(x)[axis]
    match item:
        case slice():
            ends = [
                int(each) if isinstance(each, Tensor) else each for each in (item.start, item.stop, item.step)
            ]
            return write.slice(x, axis, *slice(*ends).indices(length))
        case int():
            return write.slice(x, axis, item % length, item % length + 1)
        case Tensor() if item.ndim == 0 and item.dtype != torch.bool:
            return write.slice(x, axis, int(item) % length, int(item) % length + 1)
        case Tensor() | list() if (places := _places(item)) is not None:
            return picked(write, x, axis, places)
        case _:
            raise write.refusal("its places are computed, or masks of several axes: use fixed lists")


def _places(item: Tensor | Sequence[object]) -> list[int] | None:
    """The fixed places of one axis, of a list of lists one after the other; None if they are no such."""
    if not isinstance(item, Tensor):
        try:
            item = torch.tensor(item)
        except (RuntimeError, TypeError, ValueError):  # computed places among them
            return None
    if item.dtype != torch.bool:
        return [int(each) for each in item.flatten()]
    return torch.nonzero(item).flatten().tolist() if item.ndim == 1 else None


@_spells("narrow", torch.narrow)
def narrow(write: Writer, x: fx.Node, dim: int, start: int, length: int) -> fx.Node:
    return write.slice(x, dim % len(shape_of(x)), start, start + length)


@_spells("select", torch.select)
def select(write: Writer, x: fx.Node, dim: int, index: int) -> fx.Node:
    axis = dim % len(shape_of(x))
    one = index % shape_of(x)[axis]
    return write.reshape(write.slice(x, axis, one, one + 1), write.shape, write.axis)


@_spells("index_select", torch.index_select)
def index_select(write: Writer, x: fx.Node, dim: int, index: object) -> fx.Node:
    if not isinstance(index, Tensor):
        raise write.refusal("its places are computed: they must be fixed")
    return picked(write, x, dim % len(shape_of(x)), index.tolist())


@_spells("flip", torch.flip, torch.fliplr)
def flip(write: Writer, x: fx.Node, *dims: object) -> fx.Node:
    """Backwards along axes."""
    for dim in numbers_in(dims):
        axis = dim % len(shape_of(x))
        x = picked(write, x, axis, range(shape_of(x)[axis] - 1, -1, -1))
    return x


@_spells("roll", torch.roll)
def roll(write: Writer, x: fx.Node, shifts: object, dims: object = None) -> fx.Node:
    """Turned along axes."""
    if dims is None:
        raise write.refusal("it turns all axes as one: name the axes")
    for shift, dim in zip(numbers_in((shifts,)), numbers_in((dims,)), strict=True):
        axis = dim % len(shape_of(x))
        length = shape_of(x)[axis]
        x = picked(write, x, axis, [(place - shift) % length for place in range(length)])
    return x


@_spells("chunk", torch.chunk)
def chunk(write: Writer, x: fx.Node, chunks: int, dim: int = 0) -> tuple[fx.Node, ...]:
    axis = dim % len(shape_of(x))
    return _split(write, x, -(-shape_of(x)[axis] // chunks), axis)


@_spells("split", torch.split, "split_with_sizes", torch.split_with_sizes)
def split(
    write: Writer, x: fx.Node, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[fx.Node, ...]:
    return _split(write, x, split_size_or_sections, dim % len(shape_of(x)))


@_spells("tensor_split", torch.tensor_split)
def tensor_split(
    write: Writer, x: fx.Node, indices_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[fx.Node, ...]:
    axis = dim % len(shape_of(x))
    parts = torch.arange(shape_of(x)[axis]).tensor_split(
        indices_or_sections if isinstance(indices_or_sections, int) else tuple(indices_or_sections)
    )
    return _split(write, x, [len(part) for part in parts], axis)


@_spells("unbind", torch.unbind)
def unbind(write: Writer, x: fx.Node, dim: int = 0) -> tuple[fx.Node, ...]:
    axis, old, samples = dim % len(shape_of(x)), shape_of(x), batch_axis(x)
    left = (*old[:axis], *old[axis + 1 :])
    behind = None if samples is None else samples - (axis < samples)
    return tuple(write.reshape(each, left, behind) for each in _split(write, x, 1, axis))


def _split(write: Writer, x: fx.Node, sizes: int | Sequence[int], axis: int) -> tuple[fx.Node, ...]:
    length = shape_of(x)[axis]
    if isinstance(sizes, int):
        sizes = [min(sizes, length - start) for start in range(0, length, sizes)]
    ends = np.cumsum([0, *sizes]).tolist()
    return tuple(write.slice(x, axis, *each) for each in pairwise(ends))


@_spells(torch.cat, torch.concat, torch.concatenate)
def concatenate(write: Writer, tensors: Sequence[Value], dim: int = 0, *, axis: int | None = None) -> fx.Node:
    rank = len(write.shape)
    return write.concatenate(list(tensors), (dim if axis is None else axis) % rank)


@_spells(torch.stack)
def stack(write: Writer, tensors: Sequence[Value], dim: int = 0) -> fx.Node:
    """Each with a new axis, one behind the other."""
    axis = dim % len(write.shape)
    raised: list[Value] = []
    for each in tensors:
        if isinstance(each, Tensor):
            raised.append(each.unsqueeze(axis))
            continue
        old, samples = shape_of(each), batch_axis(each)
        behind = None if samples is None else samples + (axis <= samples)
        raised.append(write.reshape(each, (*old[:axis], 1, *old[axis:]), behind))
    return write.concatenate(raised, axis)
