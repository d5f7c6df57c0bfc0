"""Functions of each number by itself: activations that are no clips."""

from collections.abc import Mapping
from math import inf
from typing import ClassVar

from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.primitives import Absolute, Exponential, SquareRoot
from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.qparams import QuantParams, Range


class FunctionOperator(Operator[nn.Module]):
    """A runtime of 8 bits may have a table of all its values, none of which is beyond these ends."""

    def __init__(self, low: float = -inf, high: float = inf) -> None:
        self._ends = low, high

    def bounds(self, _layer: nn.Module, _node: fx.Node, *_inputs: Range) -> Range:
        return self._ends

    def in_integers(self, call: Call[nn.Module], *inputs: Tensor) -> Tensor:
        (x,) = inputs
        return call.arithmetic.function(call, super().in_integers(call, x), x)


class UnitFunctionOperator(FunctionOperator):
    """A function whose result lies between 0 and 1, and has quantization parameters for that alone.

    Source: TensorFlow Lite, kernels/activations.cc, SigmoidPrepare and SoftmaxPrepare.
    """

    fixed_result: ClassVar[Mapping[int, QuantParams]] = {
        8: QuantParams(1 / 256, -128, 8),
        16: QuantParams(1 / 32768, 0, 16),
    }


class SignedUnitFunctionOperator(FunctionOperator):
    """The same between -1 and 1.

    Source: TensorFlow Lite, kernels/activations.cc, TanhPrepare.
    """

    fixed_result: ClassVar[Mapping[int, QuantParams]] = {
        8: QuantParams(1 / 128, 0, 8),
        16: QuantParams(1 / 32768, 0, 16),
    }


FUNCTIONS: tuple[type[nn.Module], ...] = (
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Sigmoid,
    nn.SiLU,
    nn.Tanh,
    nn.GELU,
    nn.ELU,
    nn.LeakyReLU,
    nn.Mish,
    nn.Softplus,
)
"""The activations of torch.nn among them."""

FUNCTION_OPERATORS: Mapping[type[nn.Module], FunctionOperator] = {
    **dict.fromkeys(FUNCTIONS, FunctionOperator()),
    nn.Sigmoid: UnitFunctionOperator(0.0, 1.0),
    nn.Tanh: SignedUnitFunctionOperator(-1.0, 1.0),
    Absolute: FunctionOperator(0.0),
    Exponential: FunctionOperator(0.0),
    SquareRoot: FunctionOperator(0.0),
}
