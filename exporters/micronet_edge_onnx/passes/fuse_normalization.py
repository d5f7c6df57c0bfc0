"""Writes a normalization along the last axes as one layer again, for which ONNX Runtime has an operator."""

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import (
    batch_axis,
    calls,
    inputs_of,
    module_of,
    only_input,
    only_reader,
    replace_module,
    shape_of,
)
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import (
    AddConstant,
    Constant,
    Mean,
    Multiply,
    MultiplyConstant,
    ReciprocalSquareRoot,
    Subtract,
)

Kind = TypeVar("Kind", bound=nn.Module)
_MAP_RANK = 4


class FuseNormalization(Pass):
    """Replaces the primitives of a normalization.

    Given    c = x - mean(x); y = c * rsqrt(mean(c * c) + eps), the means along the last axes; perhaps times a
             constant and plus one, which have those axes alone
    Result   x -> LayerNorm -> y
    """

    def change(self, network: fx.GraphModule) -> int:
        found = [_found(node) for node, _ in calls(network, ReciprocalSquareRoot)]
        norms = [norm for norm in found if norm is not None]
        for norm in norms:
            replace_module(network, norm.last, norm.layer())
            norm.last.args = (norm.x,)
        if norms:
            network.graph.eliminate_dead_code()
        return len(norms)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, ReciprocalSquareRoot):
            if _found(node) is not None:
                raise LoweringError(f"{node.target} could still be a part of a LayerNorm")


@dataclass(frozen=True, slots=True)
class _Norm:
    """A normalization of x along the axes from `first` on; `last` gives its result."""

    x: fx.Node
    first: int
    eps: float
    last: fx.Node
    scale: Tensor | None
    offset: Tensor | None

    def layer(self) -> nn.LayerNorm:
        shape = shape_of(self.x)[self.first :]
        layer = nn.LayerNorm(shape, self.eps)
        with torch.no_grad():
            for own, given in ((layer.weight, self.scale), (layer.bias, self.offset)):
                if given is not None:
                    own.copy_(given)
        return layer


def _found(root: fx.Node) -> _Norm | None:
    """The normalization whose reciprocal deviation the node gives, if it is one."""
    variance, result = only_input(root), only_reader(root)
    small = _layer(variance, AddConstant)
    if result is None or small is None or small.constant.numel() != 1 or only_reader(variance) is not root:
        return None
    squares = only_input(variance)
    centred = _squared(squares)
    first = _first_axis(squares)
    if centred is None or first is None or set(centred.users) != {only_input(squares), result}:
        return None
    x = _uncentred(centred, first)
    if x is None or _layer(result, Multiply) is None or only_reader(squares) is not variance:
        return None
    last, scale = _absorbed(result, MultiplyConstant, first)
    last, offset = _absorbed(last, AddConstant, first)
    return _Norm(x, first, float(small.constant), last, scale, offset)


def _layer(node: fx.Node, kind: type[Kind]) -> Kind | None:
    layer = module_of(node)
    return layer if isinstance(layer, kind) else None


def _first_axis(mean: fx.Node) -> int | None:
    """The first axis of a mean along the last ones, which stay; none of them is that of the samples."""
    x, layer = mean.all_input_nodes[0], module_of(mean)
    rank = len(shape_of(x))
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        axes = [2, 3] if rank == _MAP_RANK and shape_of(mean)[2:] == (1, 1) else []
    else:
        kept = isinstance(layer, Mean) and layer.keeps_axes
        axes = sorted(axis % rank for axis in layer.axes) if kept and isinstance(layer, Mean) else []
    if not axes or axes != list(range(axes[0], rank)) or (batch_axis(x) or 0) >= axes[0]:
        return None
    return axes[0]


def _squared(mean: fx.Node) -> fx.Node | None:
    """What a mean is taken of the squares of, which nothing else reads."""
    if _first_axis(mean) is None:
        return None
    product = only_input(mean)
    sources = inputs_of(product)
    is_square = _layer(product, Multiply) is not None and len(set(sources)) == 1
    return sources[0] if is_square and only_reader(product) is mean else None


def _uncentred(centred: fx.Node, first: int) -> fx.Node | None:
    """What the mean along these axes was subtracted from."""
    if _layer(centred, Subtract) is None:
        return None
    x, mean = inputs_of(centred)
    is_own = mean.all_input_nodes == [x] and _first_axis(mean) == first and only_reader(mean) is centred
    return x if is_own else None


def _absorbed(node: fx.Node, kind: type[Constant], first: int) -> tuple[fx.Node, Tensor | None]:
    """The only reader and its constant, where the layer has one that belongs to the last axes alone."""
    reader, shape = only_reader(node), shape_of(node)
    layer = None if reader is None else _layer(reader, kind)
    if reader is None or layer is None:
        return node, None
    constant = layer.constant.reshape([1] * (len(shape) - layer.constant.ndim) + list(layer.constant.shape))
    if any(length != 1 for length in constant.shape[:first]):
        return node, None
    return reader, constant[(0,) * first].expand(shape[first:])
