"""Arithmetic of two values, of which one may be a constant, whatever their shapes."""

from typing import Literal

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import batch_axis, dtype_of, shape_of
from micronet_edge.lowering.ir.primitives import (
    Add,
    AddConstant,
    Divide,
    Maximum,
    MaximumConstant,
    Minimum,
    MinimumConstant,
    Multiply,
    MultiplyConstant,
    Subtract,
)
from micronet_edge.lowering.vocabulary.writer import Writer, shape

Operation = Literal["add", "subtract", "multiply", "divide", "maximum", "minimum"]

_OF_TWO: dict[Operation, type[nn.Module]] = {
    "add": Add,
    "subtract": Subtract,
    "multiply": Multiply,
    "divide": Divide,
    "maximum": Maximum,
    "minimum": Minimum,
}
_WITH_CONSTANT: dict[
    Operation,
    type[AddConstant] | type[MultiplyConstant] | type[MaximumConstant] | type[MinimumConstant],
] = {
    "add": AddConstant,
    "multiply": MultiplyConstant,
    "maximum": MaximumConstant,
    "minimum": MinimumConstant,
}


def combined(write: Writer, operation: Operation, x: object, y: object) -> fx.Node:
    """The operation on two values, as torch broadcasts them: tensors, constants or numbers."""
    if isinstance(x, fx.Node) and isinstance(y, fx.Node):
        return _of_two(write, operation, x, y)
    if isinstance(x, fx.Node):
        return _with_constant(write, operation, x, _constant(write, y, x))
    if not isinstance(y, fx.Node):
        raise write.refusal("none of its arguments is a tensor")
    constant = _constant(write, x, y)
    if operation == "subtract":
        return combined(write, "add", combined(write, "multiply", y, -1.0), constant)
    if operation == "divide":
        return _of_two(write, operation, _stored(write, constant, y), y)
    return _with_constant(write, operation, y, constant)


def _constant(write: Writer, value: object, beside: fx.Node) -> Tensor:
    if isinstance(value, bool | int | float | Tensor):
        given = torch.as_tensor(value)
        return given.to(dtype_of(beside))
    raise write.refusal(f"{type(value).__name__} is neither a tensor nor a number")


def _stored(write: Writer, constant: Tensor, beside: fx.Node) -> fx.Node:
    """The constant as a tensor of the same rank; the samples' axis is of length 1 in it."""
    rank, axis = len(shape_of(beside)), batch_axis(beside)
    lengths = [1] * (rank - constant.ndim) + list(constant.shape)
    if axis is None or (axis > 0 and any(length > 1 for length in lengths[: axis + 1])):
        raise write.refusal("a constant is divided by a tensor whose samples do not lie on the first axis")
    order = (axis, *(each for each in range(rank) if each != axis))
    moved = constant.reshape(lengths).permute(order)
    back = tuple(order.index(each) for each in range(rank))
    return write.permute(write.stored(moved, tuple(moved.shape)), back)


def _with_constant(write: Writer, operation: Operation, x: fx.Node, constant: Tensor) -> fx.Node:
    if operation == "subtract":
        operation, constant = "add", -constant
    if operation == "divide":
        operation, constant = "multiply", (1 / constant.double()).to(constant.dtype)
    while constant.ndim > len(shape_of(x)) and constant.shape[0] == 1:
        constant = constant[0]
    x = raised(write, x, constant.ndim)
    if (whole := _per_sample(write, operation, x, constant)) is not None:
        return whole
    wide = broadcast(shape_of(x), tuple(constant.shape))
    return write(operation, _WITH_CONSTANT[operation](constant), write.expand(x, wide))


def _per_sample(write: Writer, operation: Operation, x: fx.Node, constant: Tensor) -> fx.Node | None:
    """The operation on an axis that holds several rows a sample, each with a constant of its own."""
    axis, old = batch_axis(x), shape_of(x)
    place = None if axis is None else axis - len(old) + constant.ndim
    if axis is None or place is None or place < 0 or constant.shape[place] == 1:
        return None
    apart = write.reshape(x, (*old[:axis], 1, *old[axis:]), axis)
    done = _with_constant(write, operation, apart, constant.unsqueeze(place))
    return write.reshape(done, (*old[:axis], *shape_of(done)[axis + 1 :]), axis)


def _of_two(write: Writer, operation: Operation, x: fx.Node, y: fx.Node) -> fx.Node:
    rank = max(len(shape_of(x)), len(shape_of(y)))
    x, y = raised(write, x, rank), raised(write, y, rank)
    axis = batch_axis(x) if batch_axis(x) is not None else batch_axis(y)
    wide = broadcast(shape(x), shape(y))
    return write(operation, _OF_TWO[operation](), x, y, shape=wide, axis=axis)


def broadcast(x: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an operation on tensors of these."""
    rank = max(len(x), len(y))
    pairs = zip((1,) * (rank - len(x)) + x, (1,) * (rank - len(y)) + y, strict=True)
    return tuple(b if a == 1 else a for a, b in pairs)


def raised(write: Writer, x: fx.Node, rank: int) -> fx.Node:
    """The tensor with as many axes of length 1 in front as it lacks."""
    missing, axis = rank - len(shape_of(x)), batch_axis(x)
    if missing <= 0:
        return x
    return write.reshape(x, (1,) * missing + shape_of(x), None if axis is None else axis + missing)
