"""Writes the logarithm of a softmax as one layer again, for which ONNX has an operator."""

from typing import TypeVar

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import (
    calls,
    feeds_only,
    inputs_of,
    module_of,
    only_input,
    replace_module,
    shape_of,
)
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Exponential, Largest, Logarithm, Subtract, Sum

Kind = TypeVar("Kind", bound=nn.Module)


class FuseLogSoftmax(Pass):
    """Replaces the primitives of a logarithm of a softmax.

    Given    c = x - largest(x); y = c - log(sum(exp(c))), along one axis; nothing else reads what is between
    Result   x -> LogSoftmax -> y
    """

    def change(self, network: fx.GraphModule) -> int:
        found = [(node, _found(node)) for node, _ in calls(network, Subtract)]
        places = 0
        for node, match in found:
            if match is not None:
                x, axis = match
                replace_module(network, node, nn.LogSoftmax(axis))
                node.args = (x,)
                places += 1
        if places:
            network.graph.eliminate_dead_code()
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, Subtract):
            if _found(node) is not None:
                raise LoweringError(f"{node.target} could still be a LogSoftmax")


def _found(node: fx.Node) -> tuple[fx.Node, int] | None:
    """The tensor and the axis whose logarithmic softmax the node gives, if it does."""
    centred, logarithm = inputs_of(node)
    total = _behind(logarithm, Logarithm, node)
    exponents = None if total is None else _behind(total, Sum, logarithm)
    source = None if total is None or exponents is None else _behind(exponents, Exponential, total)
    if total is None or exponents is None or source is not centred or len(inputs_of(centred)) != len({0, 1}):
        return None
    if not isinstance(module_of(centred), Subtract) or set(centred.users) != {exponents, node}:
        return None
    x, largest = inputs_of(centred)
    if _behind(largest, Largest, centred) is not x:
        return None
    axes = _axis(total), _axis(largest)
    return (x, axes[0]) if axes[0] is not None and axes[0] == axes[1] else None


def _behind(node: fx.Node, kind: type[Kind], reader: fx.Node) -> fx.Node | None:
    """What the node's layer reads, where it is one of that kind and has one reader."""
    return only_input(node) if isinstance(module_of(node), kind) and feeds_only(node, reader) else None


def _axis(node: fx.Node) -> int | None:
    """The one axis that a reduction keeps as one of length 1."""
    layer = module_of(node)
    if not isinstance(layer, Sum | Largest) or not layer.keeps_axes or len(layer.axes) != 1:
        return None
    return layer.axes[0] % len(shape_of(node))
