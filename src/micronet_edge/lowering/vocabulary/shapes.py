"""Other shapes, other orders of axes, repeated axes."""

import torch
from torch import fx, nn

from micronet_edge.lowering.ir.graph import batch_axis, is_flatten, shape_of
from micronet_edge.lowering.vocabulary.broadcasting import raised
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer

_spells = VOCABULARY.spells


@_spells("view", "reshape", "view_as", "reshape_as", "squeeze", "unsqueeze", "unflatten", "atleast_3d")
@_spells(torch.reshape, torch.squeeze, torch.unsqueeze, torch.unflatten, nn.Unflatten)
def reshape(write: Writer, *args: object, **_: object) -> fx.Node:
    """The shape of the result says all."""
    x = next(each for each in args if isinstance(each, fx.Node))
    return write.reshape(x, write.shape, write.axis)


@_spells("flatten", torch.flatten, torch.ravel, "ravel", nn.Flatten)
def flatten(write: Writer, *args: object, **_: object) -> fx.Node:
    """A flatten to [n, c] stays one."""
    x = next(each for each in args if isinstance(each, fx.Node))
    if is_flatten(write.node) and batch_axis(x) == 0 and write.axis == 0:
        rest = () if isinstance(args[0], nn.Module) else (1,)
        return write.keep(x, *rest)
    return write.reshape(x, write.shape, write.axis)


@_spells("permute", torch.permute)
def permute(write: Writer, x: fx.Node, *order: object, dims: tuple[int, ...] = ()) -> fx.Node:
    """The axes in that order."""
    rank = len(shape_of(x))
    return write.permute(x, tuple(each % rank for each in numbers_in(order or (dims,))))


@_spells("transpose", "swapaxes", "swapdims", torch.transpose, torch.swapaxes, torch.swapdims)
def transpose(write: Writer, x: fx.Node, dim0: int, dim1: int) -> fx.Node:
    """Two axes swapped."""
    order = list(range(len(shape_of(x))))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return write.permute(x, tuple(order))


@_spells("t", torch.t, "adjoint")
def transposed_matrix(write: Writer, x: fx.Node) -> fx.Node:
    """Rows as columns."""
    return transpose(write, x, -2, -1)


@_spells(getattr)
def attribute(write: Writer, x: object, name: str) -> object:
    """The transposed forms, what is the tensor itself, and the numbers of what has places as well."""
    if isinstance(x, tuple):
        return x[0] if name == "values" else None
    if not isinstance(x, fx.Node):
        raise write.refusal(f"files hold no .{name}")
    if name in {"mT", "mH"} or (name in {"T", "H"} and len(shape_of(x)) == 2):  # noqa: PLR2004 - a matrix
        return transpose(write, x, -2, -1)
    if name == "T":
        return write.permute(x, tuple(reversed(range(len(shape_of(x))))))
    if name in {"data", "real"}:
        return x
    raise write.refusal(f"files hold no .{name}")


@_spells("movedim", "moveaxis", torch.movedim, torch.moveaxis)
def movedim(
    write: Writer, x: fx.Node, source: int | tuple[int, ...], destination: int | tuple[int, ...]
) -> fx.Node:
    """Axes moved to other places."""
    rank = len(shape_of(x))
    froms, tos = ((each,) if isinstance(each, int) else each for each in (source, destination))
    placed = {to % rank: from_ % rank for from_, to in zip(froms, tos, strict=True)}
    rest = iter([axis for axis in range(rank) if axis not in placed.values()])
    return write.permute(x, tuple(placed[each] if each in placed else next(rest) for each in range(rank)))


@_spells("expand", "expand_as", "broadcast_to", torch.broadcast_to)
def expand(write: Writer, x: fx.Node, *_: object, **__: object) -> fx.Node:
    """Axes of length 1 repeated."""
    return write.expand(raised(write, x, len(write.shape)), write.shape)


@_spells("repeat", "tile", torch.tile)
def repeat(write: Writer, x: fx.Node, *_: object, **__: object) -> fx.Node:
    """The tensor side by side with itself, along each axis."""
    x = raised(write, x, len(write.shape))
    for axis, length in enumerate(write.shape):
        copies = length // shape_of(x)[axis]
        if copies > 1 and axis == batch_axis(x):
            raise write.refusal("it repeats samples: a file computes every sample alike and by itself")
        if copies > 1 and shape_of(x)[axis] == 1:
            x = write.expand(x, (*shape_of(x)[:axis], length, *shape_of(x)[axis + 1 :]))
        elif copies > 1:
            x = write.concatenate([x] * copies, axis)
    return x


@_spells("repeat_interleave", torch.repeat_interleave)
def repeat_interleave(
    write: Writer, x: fx.Node, repeats: object, dim: int | None = None, **_: object
) -> fx.Node:
    """Each position of an axis several times."""
    if not isinstance(repeats, int) or dim is None:
        raise write.refusal("it takes one number of copies and an axis")
    old, axis = shape_of(x), dim % len(shape_of(x))
    samples = batch_axis(x)
    if samples is None or axis == samples:
        raise write.refusal("it repeats samples: a file computes every sample alike and by itself")
    apart = write.reshape(x, (*old[: axis + 1], 1, *old[axis + 1 :]), samples + (axis < samples))
    wide = write.expand(apart, (*old[: axis + 1], repeats, *old[axis + 1 :]))
    return write.reshape(wide, (*old[:axis], old[axis] * repeats, *old[axis + 1 :]), samples)


@_spells(nn.PixelShuffle, nn.PixelUnshuffle)
def pixel_shuffle_layer(write: Writer, layer: nn.PixelShuffle | nn.PixelUnshuffle, x: fx.Node) -> fx.Node:
    del layer
    return write.keep(x)


@_spells(torch.pixel_shuffle)
def pixel_shuffle(write: Writer, x: fx.Node, upscale_factor: int) -> fx.Node:
    return write.result(nn.PixelShuffle(upscale_factor), x)


@_spells(torch.pixel_unshuffle)
def pixel_unshuffle(write: Writer, x: fx.Node, downscale_factor: int) -> fx.Node:
    return write.result(nn.PixelUnshuffle(downscale_factor), x)


def numbers_in(given: tuple[object, ...]) -> list[int]:
    """Whole numbers that are given one by one or in a list."""
    flat = given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given
    return [each for each in flat if isinstance(each, int)]
