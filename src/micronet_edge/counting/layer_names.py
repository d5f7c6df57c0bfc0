"""Which layer of the network an operator stands in, by the name that a file gives it."""

import re
from collections.abc import Iterable

from micronet_edge.counting.graph import Operator

# features/block2/project/conv/Conv, features/block1/project_activation/Mul_1_output_0
_OPERATOR = re.compile(r"/[A-Z][A-Za-z0-9]*(_\d+)?(_output_\d+)?$")
_BLOCK = re.compile(r"features/block\d+(/|$)")
_SHIFT_MAX = re.compile(r"features/block\d+/(expand|depthwise|project)_activation$")
_PATH_OF_BLOCK, _PATH_OF_REST = 3, 2
_OTHERS = re.compile(r"(features/stem|classifier|pool)(/|$)|logits(_|$)")


def layer_of(path: str) -> str:
    """The layer that a path in the network lies in, as counting lists layers.

    Given    features/block2/depthwise/horizontal/conv, features/stem/vertical, classifier/logits/linear
    Result   features/block2/depthwise, features/stem, classifier/logits; foreign paths as they are
    """
    if _BLOCK.match(path):
        return "/".join(path.split("/")[:_PATH_OF_BLOCK])
    if _is_ours(path):
        return "/".join(path.split("/")[:_PATH_OF_REST])
    return path


def layer_of_operator(name: str) -> str:
    """The layer of an operator whose name may end in what kind of operator it is."""
    return layer_of(_OPERATOR.sub("", name))


def shift_max_layers(operators: Iterable[Operator]) -> frozenset[str] | None:
    """The layers that are Dynamic Shift-Max, judged by their names.

    Result   None where names do not tell: none of them is the network's own, or a product of two
             computed tensors stands in no layer of the network and might apply coefficients
    """
    products = [operator for operator in operators if multiplies_computed(operator)]
    found = frozenset(operator.layer for operator in products if _SHIFT_MAX.match(operator.layer))
    return found if found and all(_is_ours(operator.layer) for operator in products) else None


def multiplies_computed(operator: Operator) -> bool:
    """Whether an operator multiplies one computed tensor by another, as no weight does."""
    computed = [tensor for tensor in operator.inputs if tensor.stored is None]
    return len(computed) > 1 and operator.arithmetic is not None and operator.arithmetic.products > 0


def _is_ours(path: str) -> bool:
    return bool(_BLOCK.match(path) or _OTHERS.match(path))
