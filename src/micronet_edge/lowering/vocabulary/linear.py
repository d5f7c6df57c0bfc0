"""Linear layers and products of matrices."""

import operator
from math import prod

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import batch_axis, dtype_of, shape_of
from micronet_edge.lowering.ir.primitives import MatrixProduct
from micronet_edge.lowering.vocabulary.broadcasting import broadcast, combined, raised
from micronet_edge.lowering.vocabulary.convolutions import fixed
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Value, Writer, shape

_spells = VOCABULARY.spells
_MATRIX = 2


@_spells(nn.Linear)
def linear_layer(write: Writer, layer: nn.Linear, x: fx.Node) -> fx.Node:
    return write.keep(x) if len(shape_of(x)) >= _MATRIX else linear(write, x, layer.weight, layer.bias)


@_spells(functional.linear)
def linear(write: Writer, x: Value, weight: Value, bias: Value | None = None) -> fx.Node:
    """X @ weight.T + bias along the last axis."""
    if not isinstance(weight, Tensor):
        product = matrix_product(write, x, _transposed(write, weight))
        return product if bias is None else combined(write, "add", product, bias)
    tensor = write.tensor(x)
    if batch_axis(tensor) == len(shape_of(tensor)) - 1:
        raise write.refusal("it sums over the samples: a file computes every sample by itself")
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=dtype_of(tensor))
    with torch.no_grad():
        layer.weight.copy_(fixed(write, weight))
        if bias is not None:
            layer.bias.copy_(fixed(write, bias))
    return write("linear", layer, tensor, shape=(*shape_of(tensor)[:-1], weight.shape[0]))


@_spells(
    operator.matmul, torch.matmul, torch.bmm, torch.mm, "matmul", "bmm", "mm", "__matmul__", "__rmatmul__"
)
def matrix_product(write: Writer, x: Value, y: Value) -> fx.Node:
    """X @ y; with a fixed matrix a linear layer."""
    if write.node.target == "__rmatmul__":
        x, y = y, x
    if min(len(shape(x)), len(shape(y))) < _MATRIX:
        return _with_row(write, x, y)
    if isinstance(x, fx.Node) and isinstance(y, Tensor) and prod(y.shape[:-2]) == 1:
        return linear(write, x, y.reshape(y.shape[-2:]).mT)
    if isinstance(y, fx.Node) and isinstance(x, Tensor) and prod(x.shape[:-2]) == 1:
        return _transposed(write, linear(write, _transposed(write, y), x.reshape(x.shape[-2:])))
    rank = max(3, len(shape(x)), len(shape(y)))
    left, right = (_operand(write, each, rank) for each in (x, y))
    return _product(write, left, right, write.shape, write.axis)


def _product(write: Writer, x: fx.Node, y: fx.Node, result: tuple[int, ...], axis: int | None) -> fx.Node:
    rank = len(shape_of(x))
    if batch_axis(x) == rank - 1 or batch_axis(y) == rank - 2:
        raise write.refusal("it sums over the samples: a file computes every sample by itself")
    fronts = broadcast(shape_of(x)[:-2], shape_of(y)[:-2])
    wide = (*fronts, shape_of(x)[-2], shape_of(y)[-1])
    samples = batch_axis(x) if batch_axis(x) is not None else batch_axis(y)
    made = write("product", MatrixProduct(), x, y, shape=wide, axis=samples)
    return write.reshape(made, result, axis)


def products(write: Writer, x: fx.Node, y: fx.Node) -> fx.Node:
    """The products of matrices of the same rank."""
    result = (*broadcast(shape_of(x)[:-2], shape_of(y)[:-2]), shape_of(x)[-2], shape_of(y)[-1])
    return _product(write, x, y, result, batch_axis(x))


def _operand(write: Writer, value: Value, rank: int) -> fx.Node:
    if isinstance(value, fx.Node):
        return raised(write, value, rank)
    lengths = (*[1] * (rank - value.ndim), *value.shape)
    return write.stored(value, lengths)


def _with_row(write: Writer, x: Value, y: Value) -> fx.Node:
    """The product with a fixed row of numbers."""
    if isinstance(x, fx.Node) and isinstance(y, Tensor) and y.ndim == 1:
        made = linear(write, x, y[None])
        return write.reshape(made, write.shape, write.axis)
    raise write.refusal("one of its tensors has a single axis: give both at least two")


def _transposed(write: Writer, x: fx.Node) -> fx.Node:
    rank = len(shape_of(x))
    return write.permute(x, (*range(rank - 2), rank - 1, rank - 2))


@_spells(torch.addmm, torch.baddbmm, "addmm", "baddbmm")
def sum_and_product(
    write: Writer, bias: Value, x: Value, y: Value, *, beta: float = 1, alpha: float = 1
) -> fx.Node:
    """Beta * bias + alpha * (x @ y)."""
    product = matrix_product(write, x, y)
    scaled = product if alpha == 1 else combined(write, "multiply", product, alpha)
    if isinstance(bias, Tensor):
        return combined(write, "add", scaled, bias * beta)
    return combined(write, "add", scaled, bias if beta == 1 else combined(write, "multiply", bias, beta))
