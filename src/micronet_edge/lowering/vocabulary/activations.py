"""Activations: as layers, functions and methods."""

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.ir.primitives import Absolute, Exponential, Largest, Logarithm, Sum
from micronet_edge.lowering.vocabulary.broadcasting import combined
from micronet_edge.lowering.vocabulary.reductions import reduced
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Value, Writer

_spells = VOCABULARY.spells

_CANONICAL = (
    nn.ReLU,
    nn.ReLU6,
    nn.Hardtanh,
    nn.LeakyReLU,
    nn.ELU,
    nn.SiLU,
    nn.GELU,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Sigmoid,
    nn.Tanh,
    nn.Mish,
)
_CHANNEL_RANK = 4


@_spells(*_CANONICAL)
def canonical(write: Writer, _: nn.Module, x: fx.Node) -> fx.Node:
    """A layer that is one operator already."""
    return write.keep(x)


@_spells(functional.relu, torch.relu, "relu")
def relu(write: Writer, x: fx.Node, inplace: bool = False) -> fx.Node:
    return write.same(nn.ReLU(), x)


@_spells(functional.relu6)
def relu6(write: Writer, x: fx.Node, inplace: bool = False) -> fx.Node:
    return write.same(nn.ReLU6(), x)


@_spells(functional.hardtanh)
def hardtanh(
    write: Writer,
    x: fx.Node,
    min_val: float = -1.0,
    max_val: float = 1.0,
    inplace: bool = False,
) -> fx.Node:
    return write.same(nn.Hardtanh(min_val, max_val), x)


@_spells(functional.leaky_relu)
def leaky_relu(write: Writer, x: fx.Node, negative_slope: float = 0.01, inplace: bool = False) -> fx.Node:
    return write.same(nn.LeakyReLU(negative_slope), x)


@_spells(nn.RReLU)
def random_leaky_relu(write: Writer, layer: nn.RReLU, x: fx.Node) -> fx.Node:
    """In inference the slope is the middle of its range."""
    return write.same(nn.LeakyReLU((layer.lower + layer.upper) / 2), x)


@_spells(functional.rrelu, torch.rrelu)
def random_slope(
    write: Writer,
    x: fx.Node,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> fx.Node:
    if training:
        raise write.refusal("it draws slopes in inference too: pass training=self.training")
    return write.same(nn.LeakyReLU((lower + upper) / 2), x)


@_spells(functional.elu, torch.celu)
def elu(write: Writer, x: fx.Node, alpha: float = 1.0, inplace: bool = False) -> fx.Node:
    return write.same(nn.ELU(alpha), x)


@_spells(nn.CELU)
def celu_layer(write: Writer, layer: nn.CELU, x: fx.Node) -> fx.Node:
    return celu(write, x, layer.alpha)


@_spells(functional.celu)
def celu(write: Writer, x: fx.Node, alpha: float = 1.0, inplace: bool = False) -> fx.Node:
    """Alpha * elu(x / alpha)."""
    inner = write.same(nn.ELU(), combined(write, "multiply", x, 1 / alpha))
    return combined(write, "multiply", inner, alpha)


@_spells(nn.SELU)
def selu_layer(write: Writer, _: nn.SELU, x: fx.Node) -> fx.Node:
    return selu(write, x)


@_spells(functional.selu, torch.selu)
def selu(write: Writer, x: fx.Node, inplace: bool = False) -> fx.Node:
    """Source: Klambauer et al., arXiv 1706.02515, equation 2."""
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return combined(write, "multiply", write.same(nn.ELU(alpha), x), scale)


@_spells(functional.silu)
def silu(write: Writer, x: fx.Node, inplace: bool = False) -> fx.Node:
    return write.same(nn.SiLU(), x)


@_spells(functional.gelu)
def gelu(write: Writer, x: fx.Node, approximate: str = "none") -> fx.Node:
    return write.same(nn.GELU(approximate), x)


@_spells(functional.hardswish)
def hardswish(write: Writer, x: fx.Node, inplace: bool = False) -> fx.Node:
    return write.same(nn.Hardswish(), x)


@_spells(functional.hardsigmoid)
def hardsigmoid(write: Writer, x: fx.Node, inplace: bool = False) -> fx.Node:
    return write.same(nn.Hardsigmoid(), x)


@_spells(functional.sigmoid, torch.sigmoid, torch.special.expit, "sigmoid")
def sigmoid(write: Writer, x: fx.Node) -> fx.Node:
    return write.same(nn.Sigmoid(), x)


@_spells(functional.tanh, torch.tanh, "tanh")
def tanh(write: Writer, x: fx.Node) -> fx.Node:
    return write.same(nn.Tanh(), x)


@_spells(functional.mish)
def mish(write: Writer, x: fx.Node, inplace: bool = False) -> fx.Node:
    return write.same(nn.Mish(), x)


_AGREES = 15
"""The threshold from which on log(1 + exp(x)) and x agree in float32, within 2e-8 of x."""


@_spells(nn.Softplus)
def softplus_layer(write: Writer, layer: nn.Softplus, x: fx.Node) -> fx.Node:
    if layer.beta == 1 and layer.threshold >= _AGREES:
        return write.keep(x)
    return softplus(write, x, layer.beta, layer.threshold)


@_spells(functional.softplus)
def softplus(write: Writer, x: fx.Node, beta: float = 1.0, threshold: float = 20.0) -> fx.Node:
    """Of beta * x, divided by beta; beyond the threshold both forms agree in float32."""
    if threshold < _AGREES:
        raise write.refusal(f"it jumps at its threshold of {threshold}: leave that at 20")
    if beta == 1:
        return write.same(nn.Softplus(), x)
    inner = write.same(nn.Softplus(), combined(write, "multiply", x, beta))
    return combined(write, "multiply", inner, 1 / beta)


@_spells(nn.LogSigmoid)
def log_sigmoid_layer(write: Writer, _: nn.LogSigmoid, x: fx.Node) -> fx.Node:
    return log_sigmoid(write, x)


@_spells(functional.logsigmoid)
def log_sigmoid(write: Writer, x: fx.Node) -> fx.Node:
    """-softplus(-x)."""
    return combined(write, "multiply", write.same(nn.Softplus(), combined(write, "multiply", x, -1.0)), -1.0)


@_spells(nn.Softsign)
def softsign_layer(write: Writer, _: nn.Softsign, x: fx.Node) -> fx.Node:
    return softsign(write, x)


@_spells(functional.softsign)
def softsign(write: Writer, x: fx.Node) -> fx.Node:
    """X / (1 + |x|)."""
    return combined(write, "divide", x, combined(write, "add", write.same(Absolute(), x), 1.0))


@_spells(nn.Tanhshrink)
def tanhshrink_layer(write: Writer, _: nn.Tanhshrink, x: fx.Node) -> fx.Node:
    return tanhshrink(write, x)


@_spells(functional.tanhshrink)
def tanhshrink(write: Writer, x: fx.Node) -> fx.Node:
    """X - tanh(x)."""
    return combined(write, "subtract", x, write.same(nn.Tanh(), x))


@_spells(nn.PReLU)
def prelu_layer(write: Writer, layer: nn.PReLU, x: fx.Node) -> fx.Node:
    if len(shape_of(x)) == _CHANNEL_RANK and batch_axis(x) == 0:
        return write.keep(x)
    return prelu(write, x, layer.weight.detach())


@_spells(functional.prelu, torch.prelu)
def prelu(write: Writer, x: fx.Node, weight: Value) -> fx.Node:
    """A slope for each channel, the second axis."""
    if not isinstance(weight, Tensor):
        raise write.refusal("its slopes are computed: they must be fixed")
    rank = len(shape_of(x))
    if rank == _CHANNEL_RANK and batch_axis(x) == 0:
        layer = nn.PReLU(weight.numel())
        layer.weight = nn.Parameter(weight.detach().clone())
        return write.same(layer, x)
    slopes = weight.detach() if weight.numel() == 1 else weight.detach().reshape(-1, *[1] * (rank - 2))
    below = combined(write, "multiply", combined(write, "minimum", x, 0.0), slopes)
    return combined(write, "add", write.same(nn.ReLU(), x), below)


@_spells(nn.Softmax, nn.Softmin, nn.LogSoftmax, nn.Softmax2d)
def softmax_layer(write: Writer, layer: nn.Module, x: fx.Node) -> fx.Node:
    dim = -3 if isinstance(layer, nn.Softmax2d) else layer.dim
    assert dim is None or isinstance(dim, int)
    if isinstance(layer, nn.LogSoftmax):
        return log_softmax(write, x, dim)
    if isinstance(layer, nn.Softmin):
        return softmin(write, x, dim)
    if dim is not None and dim >= 0 and type(layer) is nn.Softmax and dim != batch_axis(x):
        return write.keep(x)
    return softmax(write, x, dim)


@_spells(functional.softmax, torch.softmax, torch.special.softmax, "softmax")
def softmax(
    write: Writer, x: fx.Node, dim: int | None = None, _stacklevel: int = 3, dtype: object = None
) -> fx.Node:
    return write.same(nn.Softmax(_softmax_axis(write, x, dim)), x)


@_spells(functional.softmin)
def softmin(
    write: Writer,
    x: fx.Node,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: object = None,
) -> fx.Node:
    return softmax(write, combined(write, "multiply", x, -1.0), dim)


@_spells(functional.log_softmax, torch.log_softmax, "log_softmax")
def log_softmax(
    write: Writer, x: fx.Node, dim: int | None = None, _stacklevel: int = 3, dtype: object = None
) -> fx.Node:
    """X - max - log(sum(exp(x - max)))."""
    axis = _softmax_axis(write, x, dim)
    centred = combined(write, "subtract", x, reduced(write, Largest, x, axis, keepdim=True))
    total = reduced(write, Sum, write.same(Exponential(), centred), axis, keepdim=True)
    return combined(write, "subtract", centred, write.same(Logarithm(), total))


@_spells(nn.GLU)
def glu_layer(write: Writer, layer: nn.GLU, x: fx.Node) -> fx.Node:
    return glu(write, x, layer.dim)


@_spells(functional.glu)
def glu(write: Writer, x: fx.Node, dim: int = -1) -> fx.Node:
    """The first half times the sigmoid of the second."""
    axis = dim % len(shape_of(x))
    length = shape_of(x)[axis]
    first, second = (write.slice(x, axis, *ends) for ends in ((0, length // 2), (length // 2, length)))
    return combined(write, "multiply", first, write.same(nn.Sigmoid(), second))


def _softmax_axis(write: Writer, x: fx.Node, dim: int | None) -> int:
    rank = len(shape_of(x))
    axis = (0 if rank in {0, 1, 3} else 1) if dim is None else dim % rank
    if axis == batch_axis(x):
        raise write.refusal("its axis is that of the samples: a file computes every sample by itself")
    return axis
