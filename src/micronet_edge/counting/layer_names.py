"""Finds the layer of an operator by its name in a file."""

import re
from collections.abc import Sequence
from dataclasses import replace

from micronet_edge.counting.graph import Graph, Operator
from micronet_edge.util.layer_names import layer_among, shift_max_layers

Layers = frozenset[str]

# features/block2/project/conv/Conv, features/block1/project_activation/Mul_1_output_0
_OPERATOR = re.compile(r"/[A-Z][A-Za-z0-9]*(_\d+)?(_output_\d+)?$")
_BLOCK = re.compile(r"features/block\d+(/|$)")
_PATH_OF_BLOCK, _PATH_OF_REST = 3, 2
_OTHERS = re.compile(r"(features/stem|classifier|pool)(/|$)|logits(_|$)")


def layer_of(path: str) -> str:
    """The layer of a path in the network, as counting lists layers.

    Given    features/block2/depthwise/horizontal/conv, features/stem/vertical, classifier/logits/linear
    Result   features/block2/depthwise, features/stem, classifier/logits; foreign paths unchanged
    """
    if _BLOCK.match(path):
        return "/".join(path.split("/")[:_PATH_OF_BLOCK])
    if _is_ours(path):
        return "/".join(path.split("/")[:_PATH_OF_REST])
    return path


def layer_of_operator(name: str) -> str:
    """The layer of an operator whose name may end with its type."""
    return layer_of(_OPERATOR.sub("", name))


def in_shift_max_layers(operators: Sequence[Operator], graph: Graph) -> tuple[list[Operator], Layers | None]:
    """Assigns the operators of each Dynamic Shift-Max to its layer; returns them with these layers.

    Result   None instead of the layers if names do not identify them: there is none, or a product of two
             computed tensors belongs to no layer of the network and might apply coefficients
    """
    found = graph.activations | shift_max_layers(operator.name for operator in operators)
    placed = [
        replace(operator, layer=layer_among(found, operator.name) or operator.layer) for operator in operators
    ]
    products = [operator.layer for operator in placed if multiplies_computed(operator)]
    known = found and all(layer in found or _is_ours(layer) for layer in products)
    return placed, found if graph.named or known else None


def multiplies_computed(operator: Operator) -> bool:
    """Whether an operator multiplies two computed tensors."""
    computed = [tensor for tensor in operator.inputs if tensor.stored is None]
    return len(computed) > 1 and operator.arithmetic is not None and operator.arithmetic.products > 0


def _is_ours(path: str) -> bool:
    return bool(_BLOCK.match(path) or _OTHERS.match(path))
