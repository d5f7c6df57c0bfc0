"""How many operations an operator takes, by formulas that hold in every format.

A multiply-add is one multiplication with the addition of its product; a bias starts the sum and costs
nothing. Of the rest, an addition, a multiplication and a comparison are one operation each: a bound on
one side is one comparison, a clip is two, a hard swish x * clip(x + 3, 0, 6) / 6 is five.
"""

from micronet_edge.counting.graph import Arithmetic, Tensor

MOVEMENT = Arithmetic()
"""Copies or renames numbers."""

BOUND, CLIP, HARD_SIGMOID, HARD_SWISH, SCALE_AND_SHIFT = 1, 2, 4, 5, 2
"""Operations for each element."""


def convolution(result: Tensor, weight: Tensor, channel_axis: int = 0) -> Arithmetic:
    """A convolution of any kind: every output element sums over the weights of its own channel.

    Given    result of any layout; weight with the output channels on `channel_axis`
    Result   output elements times the weights of one output channel, whatever the groups and strides
    """
    window = weight.elements // _length(weight, channel_axis)
    return Arithmetic(conv=result.elements * window)


def matrix_product(result: Tensor, summed: int) -> Arithmetic:
    """A product of matrices whose every element is a sum over `summed` products."""
    return Arithmetic(linear=result.elements * summed)


def multiplication(result: Tensor) -> Arithmetic:
    """Two tensors, element by element."""
    return Arithmetic(multiplies=result.elements)


def elementwise(result: Tensor, operations: int = 1) -> Arithmetic:
    """So many operations for each element of the result."""
    return Arithmetic(other=result.elements * operations)


def mean(x: Tensor, result: Tensor) -> Arithmetic:
    """Every input element is added once, every sum multiplied once."""
    return Arithmetic(other=x.elements + result.elements)


def reduction(x: Tensor) -> Arithmetic:
    """A sum, or the largest or smallest: every input element is taken in once."""
    return Arithmetic(other=x.elements)


def _length(tensor: Tensor, axis: int) -> int:
    return max(1, tensor.shape[axis]) if tensor.shape else 1
