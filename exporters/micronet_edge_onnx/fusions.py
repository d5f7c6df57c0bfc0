"""Finds the fusions of shifted inputs in a network that is spelled out in single operators."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.lowering.elementary import Add, Channels, Concatenate, Maximum, Mix, MixingMatrix, Multiply
from micronet_edge.lowering.graph import module_of, shape_of

Places = NDArray[np.int64]
"""For each channel of a tensor the channel of another one that it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Fusions:
    """For each channel the largest, over k, of the sums over j of coefficient[k][j] * x[:, sources[j]].

    The coefficients are clips of layers that all read `squeezed`. `layers` are those that compute all
    that step by step.
    """

    x: fx.Node
    squeezed: fx.Node
    sources: tuple[Places, ...]
    coefficients: tuple[tuple[fx.Node, ...], ...]
    layers: frozenset[fx.Node]


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """A coefficient times channels of x, and the layers that make the product or add it."""

    x: fx.Node
    source: Places
    coefficient: fx.Node
    layers: frozenset[fx.Node]


def fusions_at(node: fx.Node) -> Fusions | None:
    """What the node computes, if that is one fusion of a tensor or the largest of several."""
    several = isinstance(module_of(node), Maximum)
    sums = [_terms(each) for each in (node.all_input_nodes if several else [node])]
    if not all(sums) or any(not _same_inputs(sums[0], other) for other in sums[1:]):
        return None
    coefficients = tuple(tuple(term.coefficient for term in terms) for terms in sums)
    gates = list(chain(*coefficients))
    excites = [source for gate in gates for source in gate.all_input_nodes]
    squeezed = {source for excite in excites for source in excite.all_input_nodes}
    if not all(_is(nn.Hardtanh, gates)) or not all(_is(nn.Conv2d, excites)) or len(squeezed) > 1:
        return None
    layers = frozenset([node, *gates, *excites]).union(*(term.layers for term in chain(*sums)))
    first = sums[0]
    return Fusions(first[0].x, squeezed.pop(), tuple(term.source for term in first), coefficients, layers)


def _is(kind: type[nn.Module], nodes: Iterable[fx.Node]) -> Iterable[bool]:
    return (isinstance(module_of(node), kind) for node in nodes)


def _same_inputs(ones: Sequence[_Term], others: Sequence[_Term]) -> bool:
    return len(ones) == len(others) and all(
        one.x is other.x and np.array_equal(one.source, other.source)
        for one, other in zip(ones, others, strict=True)
    )


def _terms(node: fx.Node) -> list[_Term]:
    """The products of one tensor that the node is the sum of; none if it is something else."""
    match module_of(node), node.all_input_nodes:
        case Multiply(), [x, coefficient]:
            return [_product(node, x, coefficient)]
        case Mix(), [x, matrix]:
            return _mixed(node, x, matrix)
        case Add(), [*addends]:
            parts = [_terms(addend) for addend in addends]
            terms = [_Term(t.x, t.source, t.coefficient, t.layers | {node}) for t in chain(*parts)]
            return terms if all(parts) and len({term.x for term in terms}) == 1 else []
    return []


def _product(node: fx.Node, x: fx.Node, coefficient: fx.Node) -> _Term:
    origin, source, layers = _picked(x)
    return _Term(origin, source, coefficient, layers | {node})


def _mixed(node: fx.Node, x: fx.Node, matrix: fx.Node) -> list[_Term]:
    layer = module_of(matrix)
    assert isinstance(layer, MixingMatrix)
    pairs = zip(layer.sources, matrix.all_input_nodes, strict=True)
    return [
        _Term(x, np.array(source), coefficient, frozenset({node, matrix})) for source, coefficient in pairs
    ]


def _picked(node: fx.Node) -> tuple[fx.Node, Places, frozenset[fx.Node]]:
    """What the node's channels are: channels of another tensor, and the layers that pick them."""
    match module_of(node):
        case Channels() as layer:
            origin, places, layers = _picked(node.all_input_nodes[0])
            return origin, places[layer.start : layer.stop], layers | {node}
        case Concatenate():
            pieces = [_picked(piece) for piece in node.all_input_nodes]
            origins, places, layers = zip(*pieces, strict=True)
            if len(set(origins)) == 1:
                return origins[0], np.concatenate(places), frozenset({node}).union(*layers)
    return node, np.arange(shape_of(node)[1]), frozenset()
