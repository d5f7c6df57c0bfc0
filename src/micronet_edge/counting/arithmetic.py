"""Operation counts of operators, by formulas that hold in every format.

A multiply-add is one multiplication and the addition of its product; a bias starts the sum and costs
nothing. Elsewhere an addition, a multiplication and a comparison are one operation each: a one-sided bound
is one comparison, a clip is two, a hard swish x * clip(x + 3, 0, 6) / 6 is five.
"""

from micronet_edge.counting.graph import Arithmetic, Tensor

MOVEMENT = Arithmetic()
"""An operator that only copies or reinterprets data."""

BOUND, CLIP, HARD_SIGMOID, HARD_SWISH, SCALE_AND_SHIFT = 1, 2, 4, 5, 2
"""Operations per element."""

FUNCTION, ELU, SOFTMAX, BILINEAR, NORMALIZATION = 1, 4, 5, 7, 7
"""Operations per element as well: a function that libraries compute at once, such as exp, log, sqrt, erf,
tanh or the sigmoid, is one; a softmax takes the largest, subtracts it, and divides exponentials by their sum;
bilinear interpolation weights four pixels; a normalization sums, subtracts the mean, squares, sums, divides,
scales and shifts."""


def convolution(result: Tensor, weight: Tensor, channel_axis: int = 0) -> Arithmetic:
    """Any convolution: every output element sums over the weights of its own channel.

    Given    result of any layout; weight with the output channels on `channel_axis`
    Result   output elements times the weights of one output channel, whatever the groups and strides
    """
    window = weight.elements // _length(weight, channel_axis)
    return Arithmetic(conv=result.elements * window)


def transposed_convolution(x: Tensor, weight: Tensor) -> Arithmetic:
    """Any transposed convolution: every input element is multiplied by all weights of its channel.

    Given    weight with the input channels on its first axis
    """
    return Arithmetic(conv=x.elements * (weight.elements // _length(weight, 0)))


def matrix_product(result: Tensor, summed: int) -> Arithmetic:
    """A matrix product in which each element is a sum over `summed` products."""
    return Arithmetic(linear=result.elements * summed)


def multiplication(result: Tensor) -> Arithmetic:
    """The elementwise product of two tensors."""
    return Arithmetic(multiplies=result.elements)


def elementwise(result: Tensor, operations: int = 1) -> Arithmetic:
    """`operations` operations per element of the result."""
    return Arithmetic(other=result.elements * operations)


def mean(x: Tensor, result: Tensor) -> Arithmetic:
    """A mean: each input element is added once, each sum multiplied once."""
    return Arithmetic(other=x.elements + result.elements)


def reduction(x: Tensor) -> Arithmetic:
    """A sum, maximum or minimum: each input element is one operation."""
    return Arithmetic(other=x.elements)


def _length(tensor: Tensor, axis: int) -> int:
    return max(1, tensor.shape[axis]) if tensor.shape else 1
