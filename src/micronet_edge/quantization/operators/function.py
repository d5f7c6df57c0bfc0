"""Functions of each number by itself: activations that are no clips."""

from torch import Tensor, nn

from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.operator import Operator


class FunctionOperator(Operator[nn.Module]):
    """A runtime of 8 bits may have a table of all its values."""

    def in_integers(self, call: Call[nn.Module], *inputs: Tensor) -> Tensor:
        (x,) = inputs
        return call.arithmetic.function(call, super().in_integers(call, x), x)


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
