"""Means, sums, extremes, variances and lengths along axes."""

from collections.abc import Sequence
from math import prod

import torch
from torch import fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.ir.primitives import Absolute, Largest, Mean, Smallest, SquareRoot, Sum
from micronet_edge.lowering.vocabulary.arithmetic import square
from micronet_edge.lowering.vocabulary.broadcasting import combined
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer

Axes = int | Sequence[int] | None
_spells = VOCABULARY.spells
_MAP_AXES = (2, 3)


def axes_of(write: Writer, x: fx.Node, dim: Axes) -> tuple[int, ...]:
    """The axes, counted from the first. Raises LoweringError where the samples' is among them."""
    rank = len(shape_of(x))
    given = tuple(range(rank)) if dim is None or dim == () else (dim,) if isinstance(dim, int) else tuple(dim)
    axes = tuple(sorted(each % rank for each in given))
    if batch_axis(x) in axes:
        raise write.refusal("it reduces the axis of the samples: name the other axes, as in x.mean((1, 2))")
    return axes


def reduced(
    write: Writer, kind: type[Mean | Sum | Largest | Smallest], x: fx.Node, dim: Axes, *, keepdim: bool
) -> fx.Node:
    """What is left of each row along the axes."""
    axes, old = axes_of(write, x, dim), shape_of(x)
    kept = tuple(1 if each in axes else length for each, length in enumerate(old))
    if kind is Mean and axes == _MAP_AXES and batch_axis(x) == 0 and len(old) == 2 + len(_MAP_AXES):
        pooled = write("mean", nn.AdaptiveAvgPool2d(1), x, shape=kept)
        return pooled if keepdim else write.reshape(pooled, kept[:2], 0)
    if keepdim:
        return write(kind.__name__.lower(), kind(axes, keeps_axes=True), x, shape=kept)
    left = tuple(length for each, length in enumerate(old) if each not in axes)
    axis = batch_axis(x)
    axis = None if axis is None else axis - sum(each < axis for each in axes)
    return write(kind.__name__.lower(), kind(axes, keeps_axes=False), x, shape=left, axis=axis)


@_spells(torch.mean, torch.nanmean, "mean")
def mean(
    write: Writer, x: fx.Node, dim: Axes = None, keepdim: bool = False, *, dtype: object = None
) -> fx.Node:
    """The mean."""
    return reduced(write, Mean, x, dim, keepdim=keepdim)


@_spells(torch.sum, "sum")
def sum_(
    write: Writer, x: fx.Node, dim: Axes = None, keepdim: bool = False, *, dtype: object = None
) -> fx.Node:
    """The sum."""
    return reduced(write, Sum, x, dim, keepdim=keepdim)


@_spells(torch.amax, "amax")
def amax(write: Writer, x: fx.Node, dim: Axes = None, keepdim: bool = False) -> fx.Node:
    """The largest number."""
    return reduced(write, Largest, x, dim, keepdim=keepdim)


@_spells(torch.amin, "amin")
def amin(write: Writer, x: fx.Node, dim: Axes = None, keepdim: bool = False) -> fx.Node:
    """The smallest number."""
    return reduced(write, Smallest, x, dim, keepdim=keepdim)


@_spells(torch.max, "max")
def max_(write: Writer, x: fx.Node, dim: object = None, keepdim: bool = False) -> object:
    """The larger one of two tensors, or the largest numbers along an axis, without their places."""
    if isinstance(dim, int):
        return reduced(write, Largest, x, dim, keepdim=keepdim), None
    if dim is None:
        return reduced(write, Largest, x, None, keepdim=False)
    return combined(write, "maximum", x, dim)


@_spells(torch.min, "min")
def min_(write: Writer, x: fx.Node, dim: object = None, keepdim: bool = False) -> object:
    """The smaller one of two tensors, or the smallest numbers along an axis, without their places."""
    if isinstance(dim, int):
        return reduced(write, Smallest, x, dim, keepdim=keepdim), None
    if dim is None:
        return reduced(write, Smallest, x, None, keepdim=False)
    return combined(write, "minimum", x, dim)


@_spells(torch.var, "var")
def variance(
    write: Writer,
    x: fx.Node,
    dim: Axes = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: int = 1,
) -> fx.Node:
    """The variance, with the correction that the sample's needs unless told otherwise."""
    count = prod(shape_of(x)[each] for each in axes_of(write, x, dim))
    centred = combined(write, "subtract", x, reduced(write, Mean, x, dim, keepdim=True))
    result = reduced(write, Mean, square(write, centred), dim, keepdim=keepdim)
    lost = correction if unbiased is None else int(unbiased)
    return result if lost == 0 else combined(write, "multiply", result, count / (count - lost))


@_spells(torch.std, "std")
def deviation(
    write: Writer,
    x: fx.Node,
    dim: Axes = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: int = 1,
) -> fx.Node:
    """The standard deviation."""
    return write.same(SquareRoot(), variance(write, x, dim, unbiased, keepdim, correction=correction))


@_spells(torch.norm, torch.linalg.norm, torch.linalg.vector_norm, "norm")
def norm(
    write: Writer,
    x: fx.Node,
    p: object = 2,
    dim: Axes = None,
    keepdim: bool = False,
    out: object = None,
    dtype: object = None,
) -> fx.Node:
    """The length of the rows along axes."""
    if p in {2, "fro", None}:
        return write.same(SquareRoot(), reduced(write, Sum, square(write, x), dim, keepdim=keepdim))
    if p == 1:
        return reduced(write, Sum, write.same(Absolute(), x), dim, keepdim=keepdim)
    raise write.refusal(f"files hold no norm of order {p}: those of order 1 and 2 work")


@_spells(functional.normalize)
def normalize(
    write: Writer,
    x: fx.Node,
    p: float = 2.0,
    dim: int = 1,
    eps: float = 1e-12,
    out: object = None,
) -> fx.Node:
    """The rows divided by their lengths."""
    length = norm(write, x, p, dim, keepdim=True)
    return combined(write, "divide", x, combined(write, "maximum", length, eps))
