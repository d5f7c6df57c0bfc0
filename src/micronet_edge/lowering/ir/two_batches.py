"""Compares a network's graphs for two numbers of samples: what grows, and that nothing else differs."""

from collections.abc import Sequence

import torch
from torch import Tensor, fx

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import note_batch_axis
from micronet_edge.lowering.ir.places import called, described
from micronet_edge.lowering.ir.valued_proxy import VALUE

FEW, MORE = 2, 3
"""How many samples the graphs are traced with; one alone would hide which axis is the samples'."""

_GROWS = "grows"

_LENGTHS = {
    *("view", "reshape", "expand", "repeat", "tile", "unflatten", "narrow", "getitem", "broadcast_to"),
    *("new_zeros", "new_ones", "new_full"),
}
"""Functions whose arguments may be as long as there are samples."""

_WHAT_TO_DO = "a file computes every sample alike and by itself"


def to_one_sample(few: fx.GraphModule, more: fx.GraphModule) -> None:
    """Makes of the graph for FEW samples the one for a single sample, with the samples' axes noted.

    Given    the graphs traced with FEW and with MORE samples, each node's value in its meta
    Result   in `few`, lengths and constants are those for one sample
    Raises   LoweringError where the graphs differ in anything that is not as long as there are samples.
    """
    ours, theirs = list(few.graph.nodes), list(more.graph.nodes)
    for node, other in zip(ours, theirs, strict=False):
        if (node.op, node.target, len(node.all_input_nodes)) != (
            other.op,
            other.target,
            len(other.all_input_nodes),
        ):
            raise _differs(node)
        node.args = _merged(node, node.args, other.args)
        node.kwargs = _merged(node, node.kwargs, other.kwargs)
        _note(few, more, node, other)
    if len(ours) != len(theirs):
        raise _differs(ours[-1])
    for node in [*ours, *theirs]:
        node.meta.pop(VALUE, None)


def _note(few: fx.GraphModule, more: fx.GraphModule, node: fx.Node, other: fx.Node) -> None:
    if node.op == "get_attr" and node.users:
        _one_constant(few, more, str(node.target), node)
    elif isinstance(node.meta.get(VALUE), Tensor):
        note_batch_axis(node, _growing(node, node.meta[VALUE], other.meta[VALUE]))


def _growing(node: fx.Node, few: Tensor, more: Tensor) -> int | None:
    if few.ndim != more.ndim:
        raise _differs(node)
    axes = [axis for axis, (a, b) in enumerate(zip(few.shape, more.shape, strict=True)) if a != b]
    if len(axes) > 1:
        raise LoweringError(f"{described(node)} mixes samples: {_WHAT_TO_DO}")
    if axes and few.shape[axes[0]] * MORE != more.shape[axes[0]] * FEW:
        raise LoweringError(f"{described(node)} adds to the samples' axis: {_WHAT_TO_DO}")
    return axes[0] if axes else None


def _one_constant(few: fx.GraphModule, more: fx.GraphModule, name: str, node: fx.Node) -> None:
    """Leaves of a constant that is repeated for each sample the part of one sample."""
    reader = next(iter(node.users))
    ours, theirs = few.get_buffer(name), more.get_buffer(name)
    axis = node.meta.get(_GROWS, _growing(reader, ours, theirs))
    if axis is None:
        if not torch.equal(ours, theirs) and not (ours.isnan() & theirs.isnan()).any():
            raise _differs(reader)
    elif _GROWS not in node.meta:
        one = ours.narrow(axis, 0, ours.shape[axis] // FEW)
        if not torch.equal(torch.cat([one] * FEW, axis), ours):
            raise LoweringError(
                f"{described(reader)} takes a constant that differs between samples: {_WHAT_TO_DO}"
            )
        for each in few.graph.nodes:
            if each.op == "get_attr" and each.target == name:
                each.meta[_GROWS] = axis
        few.register_buffer(name, one.clone(), persistent=False)


def _merged(node: fx.Node, few: object, more: object) -> object:
    """The arguments for one sample: what is as long as there are samples is so for one."""
    match few:
        case fx.Node():
            same = isinstance(more, fx.Node) and more.name == few.name
            merged: object = few
        case dict() if isinstance(more, dict) and list(few) == list(more):
            return {key: _merged(node, few[key], more[key]) for key in few}
        case tuple() | list() if isinstance(more, Sequence) and len(few) == len(more):
            return type(few)([_merged(node, *each) for each in zip(few, more, strict=True)])
        case slice() if isinstance(more, slice):
            ends = ((getattr(each, end) for each in (few, more)) for end in ("start", "stop", "step"))
            return slice(*(_merged(node, *each) for each in ends))
        case int() if not isinstance(few, bool) and isinstance(more, int):
            same, merged = few == more or called(node) in _LENGTHS, 2 * few - more
        case _:
            same, merged = few == more or (few != few and more != more), few  # noqa: PLR0124 - a NaN
    if not same:
        raise _differs(node)
    return merged


def _differs(node: fx.Node) -> LoweringError:
    return LoweringError(f"{described(node)} depends on the number of samples: {_WHAT_TO_DO}")
