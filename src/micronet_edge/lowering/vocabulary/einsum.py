"""Sums of products in Einstein's notation: permutations and one product of matrices or linear layer."""

from math import prod

import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.vocabulary.linear import linear, products
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Value, Writer


@VOCABULARY.spells(torch.einsum, torch.functional.einsum)
def einsum(write: Writer, equation: str, *operands: Value) -> fx.Node:
    """Two tensors, each letter once in each, what is summed in both."""
    given, arrow, wanted = equation.replace(" ", "").partition("->")
    names = given.split(",")
    plain = arrow and len(names) == len(operands) == 2 and "." not in equation  # noqa: PLR2004
    if not plain or any(len(set(each)) < len(each) for each in names):
        raise write.refusal("it takes two tensors, the result's letters, and each letter once in each tensor")
    left, right = names
    x, y = operands
    if isinstance(y, Tensor):
        return _with_fixed(write, (write.tensor(x), left), (y, right), wanted)
    if isinstance(x, Tensor):
        return _with_fixed(write, (y, right), (x, left), wanted)
    both = [letter for letter in left if letter in right and letter in wanted]
    summed = [letter for letter in left if letter in right and letter not in wanted]
    ours, theirs = ([c for c in own if c not in other] for own, other in ((left, right), (right, left)))
    if not set(ours + theirs) <= set(wanted):
        raise write.refusal("it sums over a letter that stands in one tensor alone: sum that tensor before")
    lengths = dict(zip(left + right, shape_of(x) + shape_of(y), strict=True))
    first = _matrices(write, x, left, (both, ours, summed))
    second = _matrices(write, y, right, (both, summed, theirs))
    product = products(write, first, second)
    order = [*both, *ours, *theirs]
    samples = _samples(order, (left, x), (right, y))
    apart = write.reshape(product, tuple(lengths[letter] for letter in order), samples)
    return write.permute(apart, tuple(order.index(letter) for letter in wanted))


def _samples(order: list[str], *operands: tuple[str, fx.Node]) -> int | None:
    letters = [name[axis] for name, node in operands if (axis := batch_axis(node)) is not None]
    return next((order.index(letter) for letter in letters if letter in order), None)


def _matrices(write: Writer, x: fx.Node, name: str, parts: tuple[list[str], list[str], list[str]]) -> fx.Node:
    """The letters in front apart, the others as rows and columns."""
    front, rows, columns = parts
    order = [*front, *rows, *columns]
    turned = write.permute(x, tuple(name.index(letter) for letter in order))
    lengths = dict(zip(order, shape_of(turned), strict=True))
    shape = (*(lengths[c] for c in front), prod(lengths[c] for c in rows), prod(lengths[c] for c in columns))
    axis = batch_axis(turned)
    if axis is not None and axis >= len(front):
        raise write.refusal("the samples' letter must stand in both tensors, or one of them be fixed")
    return write.reshape(turned, shape if front else (1, *shape), axis)


def _with_fixed(write: Writer, ours: tuple[fx.Node, str], fixed: tuple[Tensor, str], wanted: str) -> fx.Node:
    """The sum of products with a fixed tensor: a linear layer."""
    (x, name), (constant, other) = ours, fixed
    summed = [c for c in name if c in other]
    kept, new = [c for c in name if c not in other], [c for c in other if c not in name]
    if set(summed) & set(wanted) or set(kept + new) != set(wanted):
        raise write.refusal(
            "of a fixed tensor, it sums over all letters that the other one has too, and over no others: "
            "multiply and sum apart, by * and sum"
        )
    axis = batch_axis(x)
    if axis is None or name[axis] in summed:
        raise write.refusal("it sums over the samples: a file computes every sample by itself")
    turned = write.permute(x, tuple(name.index(c) for c in kept + summed))
    lengths = dict(zip(name + other, (*shape_of(x), *constant.shape), strict=True))
    size, samples = prod(lengths[c] for c in summed), kept.index(name[axis])
    rows = write.reshape(turned, (*(lengths[c] for c in kept), size), samples)
    weight = constant.permute([other.index(c) for c in new + summed]).reshape(-1, size)
    made = write.reshape(linear(write, rows, weight), tuple(lengths[c] for c in kept + new), samples)
    return write.permute(made, tuple((kept + new).index(c) for c in wanted))
