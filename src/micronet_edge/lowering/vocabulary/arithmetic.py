"""Sums, differences, products, quotients, powers and bounds."""

import operator

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge.lowering.ir.primitives import (
    Absolute,
    Exponential,
    Logarithm,
    ReciprocalSquareRoot,
    SquareRoot,
)
from micronet_edge.lowering.vocabulary.broadcasting import combined
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer

_MOST_FACTORS = 8
_spells = VOCABULARY.spells


def _kept_or_combined(write: Writer, x: object, y: object, *, multiplies: bool) -> fx.Node:
    """Two tensors of one rank stay a function: Decompose names their sum after the block it stands in."""
    stays = write.node.target in {operator.add, torch.add, operator.mul, torch.mul}
    if stays and isinstance(x, fx.Node) and isinstance(y, fx.Node) and len(shape_of(x)) == len(shape_of(y)):
        return write.keep(x, y)
    return combined(write, "multiply" if multiplies else "add", x, y)


@_spells(operator.add, operator.iadd, torch.add, "add", "__add__", "__radd__", "__iadd__")
def add(write: Writer, x: object, other: object, *, alpha: float = 1) -> fx.Node:
    """X + alpha * other."""
    return _kept_or_combined(write, x, _scaled(write, other, alpha), multiplies=False)


@_spells(operator.mul, operator.imul, torch.mul, torch.multiply, "mul", "multiply", "__mul__", "__rmul__")
def multiply(write: Writer, x: object, other: object) -> fx.Node:
    """The product."""
    return _kept_or_combined(write, x, other, multiplies=True)


@_spells(operator.sub, operator.isub, torch.sub, torch.subtract, "sub", "subtract", "__sub__", "__isub__")
def subtract(write: Writer, x: object, other: object, *, alpha: float = 1) -> fx.Node:
    """X - alpha * other."""
    return combined(write, "subtract", x, _scaled(write, other, alpha))


@_spells(torch.rsub, "rsub", "__rsub__")
def subtract_from(write: Writer, x: object, other: object, *, alpha: float = 1) -> fx.Node:
    """Other - alpha * x."""
    return combined(write, "subtract", other, _scaled(write, x, alpha))


@_spells(operator.truediv, operator.itruediv, torch.div, torch.divide, torch.true_divide, "div", "divide")
@_spells("__truediv__", "__div__", "true_divide")
def divide(write: Writer, x: object, other: object, *, rounding_mode: str | None = None) -> fx.Node:
    """The quotient."""
    if rounding_mode is not None:
        raise write.refusal("files hold no rounded quotients: divide without rounding_mode")
    return combined(write, "divide", x, other)


@_spells("__rtruediv__", "__rdiv__")
def divide_by(write: Writer, x: object, other: object) -> fx.Node:
    """Other / x."""
    return combined(write, "divide", other, x)


@_spells(torch.reciprocal, "reciprocal")
def reciprocal(write: Writer, x: fx.Node) -> fx.Node:
    """1 / x."""
    return combined(write, "divide", 1.0, x)


@_spells(operator.neg, torch.neg, torch.negative, "neg", "negative", "__neg__")
def negative(write: Writer, x: fx.Node) -> fx.Node:
    """-x."""
    return combined(write, "multiply", x, -1.0)


@_spells(operator.pos, torch.positive, "positive")
def positive(write: Writer, x: fx.Node) -> fx.Node:
    """The tensor itself."""
    return write.tensor(x)


@_spells(operator.pow, torch.pow, torch.float_power, "pow", "__pow__", "__ipow__")
def power(write: Writer, x: object, exponent: object) -> fx.Node:
    """A tensor to a fixed power, or a fixed number to the power of a tensor."""
    if isinstance(exponent, Tensor) and exponent.numel() == 1:
        exponent = float(exponent)
    if isinstance(x, int | float) and isinstance(exponent, fx.Node):
        log = float(torch.tensor(float(x), dtype=torch.float64).log())
        return write.same(Exponential(), combined(write, "multiply", exponent, log))
    if not isinstance(x, fx.Node) or not isinstance(exponent, int | float):
        raise write.refusal("one of base and exponent must be a number")
    special = {0.5: SquareRoot, -0.5: ReciprocalSquareRoot}.get(exponent)
    if special is not None:
        return write.same(special(), x)
    if exponent != int(exponent) or not 1 <= abs(exponent) <= _MOST_FACTORS:
        raise write.refusal(
            f"files hold no power of {exponent}: whole ones up to {_MOST_FACTORS} and square roots work"
        )
    result = x
    for _ in range(int(abs(exponent)) - 1):
        result = combined(write, "multiply", result, x)
    return result if exponent > 0 else combined(write, "divide", 1.0, result)


@_spells("__rpow__")
def power_of(write: Writer, x: object, base: object) -> fx.Node:
    """Base ** x."""
    return power(write, base, x)


@_spells(torch.square, "square")
def square(write: Writer, x: fx.Node) -> fx.Node:
    """X * x."""
    return combined(write, "multiply", x, x)


@_spells(torch.maximum, torch.fmax, "maximum", "fmax")
def maximum(write: Writer, x: object, other: object) -> fx.Node:
    """The larger one."""
    return combined(write, "maximum", x, other)


@_spells(torch.minimum, torch.fmin, "minimum", "fmin")
def minimum(write: Writer, x: object, other: object) -> fx.Node:
    """The smaller one."""
    return combined(write, "minimum", x, other)


@_spells(torch.clamp, torch.clip, "clamp", "clip")
def clamp(write: Writer, x: fx.Node, min: object = None, max: object = None) -> fx.Node:  # noqa: A002
    """Between bounds, each of which may be missing."""
    if isinstance(min, int | float) and isinstance(max, int | float) and min < max:
        return write.same(nn.ReLU6() if (min, max) == (0, 6) else nn.Hardtanh(float(min), float(max)), x)
    if max is None and not isinstance(min, Tensor) and min == 0:
        return write.same(nn.ReLU(), x)
    if min is not None:
        x = combined(write, "maximum", x, min)
    return x if max is None else combined(write, "minimum", x, max)


@_spells(torch.clamp_min, "clamp_min")
def clamp_min(write: Writer, x: fx.Node, min: object) -> fx.Node:  # noqa: A002
    """Not below a bound."""
    return clamp(write, x, min)


@_spells(torch.clamp_max, "clamp_max")
def clamp_max(write: Writer, x: fx.Node, max: object) -> fx.Node:  # noqa: A002
    """Not above a bound."""
    return clamp(write, x, None, max)


@_spells(torch.where, "where")
def where(write: Writer, condition: object, x: object, y: object) -> fx.Node:
    """Chosen by a fixed mask."""
    if not isinstance(condition, Tensor):
        raise write.refusal("it chooses by computed numbers: blend both by a weight from 0 to 1")
    mask = condition.to(torch.get_default_dtype())
    chosen = combined(write, "multiply", x, mask) if isinstance(x, fx.Node) else _masked(x, mask)
    other = combined(write, "multiply", y, 1 - mask) if isinstance(y, fx.Node) else _masked(y, 1 - mask)
    return combined(write, "add", chosen, other)


@_spells(torch.masked_fill, "masked_fill")
def masked_fill(write: Writer, x: fx.Node, mask: object, value: float) -> fx.Node:
    """A number where a fixed mask is; one below every score adds to it."""
    if not isinstance(mask, Tensor):
        raise write.refusal("its mask is computed: multiply by a computed weight from 0 to 1")
    chosen = mask.to(torch.get_default_dtype())
    if float(value) <= LOWEST_SCORE:
        return combined(write, "add", x, chosen * LOWEST_SCORE)
    return combined(write, "add", combined(write, "multiply", x, 1 - chosen), chosen * float(value))


LOWEST_SCORE = -1e4
"""What a masked score is in a file: e to this power is 0, and float16 still holds it."""


def _masked(value: object, mask: Tensor) -> Tensor:
    number = torch.as_tensor(value).to(mask.dtype)
    return torch.where(mask != 0, number, torch.zeros_like(number))


def _scaled(write: Writer, value: object, alpha: float) -> object:
    if alpha == 1:
        return value
    return combined(write, "multiply", value, alpha) if isinstance(value, fx.Node) else value * alpha  # type: ignore[operator]


def _function(kind: type[nn.Module], *names: object) -> None:
    @_spells(*names)
    def spell(write: Writer, x: fx.Node) -> fx.Node:
        return write.same(kind(), write.tensor(x))

    del spell


_function(Absolute, torch.abs, torch.absolute, operator.abs, "abs", "absolute", "__abs__")
_function(SquareRoot, torch.sqrt, "sqrt")
_function(ReciprocalSquareRoot, torch.rsqrt, "rsqrt")
_function(Exponential, torch.exp, "exp")
_function(Logarithm, torch.log, "log")
