"""Which operators stay in float32 because their numbers span too many orders of magnitude for integers."""

from collections.abc import Iterable, Iterator

from torch import fx

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.graph_builder import layer_of
from micronet_edge.lowering.ir.primitives import (
    Absolute,
    AddConstant,
    Divide,
    Expand,
    Exponential,
    Logarithm,
    MaximumConstant,
    Mean,
    Multiply,
    MultiplyConstant,
    ReciprocalSquareRoot,
    Reshape,
    SquareRoot,
    Subtract,
    Sum,
)
from micronet_edge.quantization.hold_borders import borders_beyond
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.operators.registry import operator_at
from micronet_edge.quantization.quantized_tensors import clip_after, keeps_qparams, tensor_name
from micronet_edge.util.text import listed

MASKING = -1e4
"""A constant at or below this, added before a softmax, leaves positions out."""

_ARITHMETIC = (
    Absolute,
    AddConstant,
    Divide,
    Expand,
    Exponential,
    Logarithm,
    MaximumConstant,
    Mean,
    Multiply,
    MultiplyConstant,
    ReciprocalSquareRoot,
    Reshape,
    SquareRoot,
    Subtract,
    Sum,
)
"""What a norm, a distance or a softmax consists of when it is written by hand."""


def float_operators(network: fx.GraphModule) -> tuple[str, ...]:
    """The operators to keep in float32, in order of execution; none for most networks.

    Those without an integer form, with all of the norm or other layer that one was a part of; the arithmetic
    that leads to one, where it is written by hand; sums with a mask up to the softmax; and borders that fixed
    quantization parameters cannot hold, with what reads them.

    Args:
        network: a decomposed network.
    """
    seeds = set(_without_integer_form(network))
    found = {node for layer in _layers(network) if not seeds.isdisjoint(layer) for node in layer}
    found |= _by_hand(network, seeds) | set(_beyond_integers(network))
    found |= {clip for node in found if (clip := clip_after(node)) is not None}
    return tuple(tensor_name(node) for node in network.graph.nodes if node in found)


def notes_on_float_operators(network: fx.GraphModule) -> tuple[str, ...]:
    """A line for the user about the layers that stay in float32 because of their operators."""
    operators = set(float_operators(network))
    names = [layer for layer, own in layers(network).items() if not operators.isdisjoint(own)]
    if not names:
        return ()
    return (
        (
            f"{listed(names)}: stay in float32, because integers cannot hold the numbers of norms, "
            "quotients, logarithms and masks, or a border"
        ),
    )


def _without_integer_form(network: fx.GraphModule) -> Iterator[fx.Node]:
    """The operators without an integer form, and the products with what one of them gives."""
    for node in network.graph.nodes:
        if not operator_at(node).has_integer_form:
            yield node
            yield from (reader for reader in node.users if isinstance(module_of(reader), Multiply))


def _by_hand(network: fx.GraphModule, seeds: set[fx.Node]) -> set[fx.Node]:
    """The arithmetic that leads to seeds in layers of nothing else."""
    alone = [
        layer for layer in _layers(network) if all(each in seeds or keeps_qparams(each) for each in layer)
    ]
    found = {node for layer in alone for node in layer if node in seeds}
    for node in reversed(network.graph.nodes):
        if isinstance(module_of(node), _ARITHMETIC) and not found.isdisjoint(node.users):
            found.add(node)
    return found


def _layers(network: fx.GraphModule) -> Iterable[list[fx.Node]]:
    """The operators of each layer of the network before it was decomposed."""
    grouped: dict[str, list[fx.Node]] = {}
    for node in network.graph.nodes:
        if node.op == "call_module":
            grouped.setdefault(layer_of(node), []).append(node)
    return grouped.values()


def _beyond_integers(network: fx.GraphModule) -> Iterator[fx.Node]:
    """Masks and borders that integers cannot hold, what moves them, and the first operators that compute."""
    moved: set[fx.Node] = set()
    borders = set(borders_beyond(network))
    for node in network.graph.nodes:
        layer = module_of(node)
        masks = isinstance(layer, AddConstant) and float(layer.constant.min()) <= MASKING
        starts = masks or node in borders
        if starts or not moved.isdisjoint(node.all_input_nodes):
            yield node
            if starts or keeps_qparams(node):
                moved.add(node)
