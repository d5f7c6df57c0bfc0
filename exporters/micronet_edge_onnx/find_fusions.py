"""Finds the fusions of shifted inputs in a network that is spelled out in single operators."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.lowering.elementary import Add, Channels, Concatenate, Maximum, Mix, MixingMatrix, Multiply
from micronet_edge.lowering.graph import module_of, only_input, shape_of
from micronet_edge.lowering.reorder import GatheredReorder

Places = NDArray[np.int64]
"""For each channel of a tensor the channel of another one that it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Coefficient:
    """A number for each channel of an image: a convolution of one pixel, at `node`, then a clip."""

    node: fx.Node
    excite: nn.Conv2d
    clip: nn.Hardtanh

    @property
    def span(self) -> float:
        return self.clip.max_val - self.clip.min_val


@dataclass(frozen=True, slots=True, eq=False)
class Fusions:
    """For each channel the largest, over k, of the sums over j of coefficients[k][j] * x[:, sources[j]].

    All coefficients are made of `squeezed`, and their clips are `span` wide. `layers` are those that
    compute all of this one by one.
    """

    x: fx.Node
    squeezed: fx.Node
    sources: tuple[Places, ...]
    coefficients: tuple[tuple[Coefficient, ...], ...]
    span: float
    layers: frozenset[fx.Node]

    @property
    def width(self) -> int:
        """Channels of x."""
        return shape_of(self.x)[1]


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """One product of a sum, and the layers that take part in making and adding it."""

    x: fx.Node
    squeezed: fx.Node
    source: Places
    coefficient: Coefficient
    layers: frozenset[fx.Node]


def fusions_at(node: fx.Node) -> Fusions | None:
    """What the node computes, if that is one fusion of a tensor or the largest of several."""
    several = isinstance(module_of(node), Maximum)
    sums = [_terms(each) for each in (node.all_input_nodes if several else [node])]
    first, spans = sums[0], [term.coefficient.span for term in chain(*sums)]
    if not first or not all(_same_inputs(first, other) for other in sums) or not np.allclose(spans, spans[0]):
        return None
    return Fusions(
        x=first[0].x,
        squeezed=first[0].squeezed,
        sources=tuple(term.source for term in first),
        coefficients=tuple(tuple(term.coefficient for term in terms) for terms in sums),
        span=spans[0],
        layers=frozenset({node}).union(*(term.layers for term in chain(*sums))),
    )


def _same_inputs(ones: Sequence[_Term], others: Sequence[_Term]) -> bool:
    return (
        len({(term.x, term.squeezed) for term in (*ones, *others)}) == 1
        and len(ones) == len(others)
        and all(np.array_equal(one.source, other.source) for one, other in zip(ones, others, strict=True))
    )


def _terms(node: fx.Node) -> list[_Term]:
    """The products whose sum the node is; none if it is something else."""
    match module_of(node), node.all_input_nodes:
        case Multiply(), [x, gate]:
            origin, source, layers = _picked(x)
            return _term(origin, gate, source, layers | {node})
        case Mix(), [x, matrix]:
            mixing = module_of(matrix)
            assert isinstance(mixing, MixingMatrix)
            origin, places, layers = _picked(x)
            layers |= {node, matrix}
            pairs = zip(mixing.sources, matrix.all_input_nodes, strict=True)
            terms = [_term(origin, gate, places[list(source)], layers) for source, gate in pairs]
            return list(chain(*terms)) if all(terms) else []
        case Add(), addends:
            terms = [_terms(addend) for addend in addends]
            together = [replace(term, layers=term.layers | {node}) for term in chain(*terms)]
            return together if all(terms) and _same_inputs(together, together) else []
    return []


def _term(x: fx.Node, gate: fx.Node, source: Places, layers: frozenset[fx.Node]) -> list[_Term]:
    """The product, if the second factor is a coefficient."""
    clip = module_of(gate)
    excite = only_input(gate) if isinstance(clip, nn.Hardtanh) else gate
    match module_of(excite), clip:
        case nn.Conv2d(kernel_size=(1, 1), groups=1) as conv, nn.Hardtanh():
            coefficient = Coefficient(excite, conv, clip)
            return [_Term(x, only_input(excite), source, coefficient, layers | {gate, excite})]
    return []


def _picked(node: fx.Node) -> tuple[fx.Node, Places, frozenset[fx.Node]]:
    """What the node's channels are: channels of another tensor, and the layers that pick them."""
    match module_of(node):
        case Channels() as layer:
            origin, places, layers = _picked(only_input(node))
            return origin, places[layer.start : layer.stop], layers | {node}
        case GatheredReorder() as layer:
            origin, places, layers = _picked(only_input(node))
            return origin, places[layer.index], layers | {node}
        case Concatenate():
            pieces = [_picked(piece) for piece in node.args if isinstance(piece, fx.Node)]
            if len({origin for origin, _, _ in pieces}) == 1:
                places = np.concatenate([places for _, places, _ in pieces])
                return pieces[0][0], places, frozenset({node}).union(*(layers for _, _, layers in pieces))
    return node, np.arange(shape_of(node)[1]), frozenset()
