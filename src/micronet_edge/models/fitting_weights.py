"""Finds the weights of a user's network in a file: the tensors that fit all of the network's own.

A prefix is removed only where that is safe: every tensor of the dict belongs to a network that fits by names
and shapes. A file of something else is refused.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from micronet_edge.errors import NetworkError
from micronet_edge.models.differences import COUNTER, misfit
from micronet_edge.models.wrappings import (
    WeightSet,
    choose,
    dicts_in,
    is_of_a_tool,
    tensors_of,
    without_inner_wrappers,
)

_PARALLEL = "module."
"""What DataParallel inserts into names, also of a part of a network."""


def fitting_weights(
    path: Path, content: object, own: Mapping[str, Tensor], name: str
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The network's tensors in a file's content, by its own names.

    Given    the network's `own` tensors and its `name` in messages
    Result   the tensors, averaged ones (EMA) where the file holds both; notes on how they were found
    Raises   NetworkError if none fit; CheckpointError if several do.
    """
    found = (
        [(keys, tensors_of(each)) for keys, each in dicts_in(content)] if isinstance(content, Mapping) else []
    )
    found = [(keys, tensors) for keys, tensors in found if tensors]
    if not found:
        raise NetworkError(f"{path} holds no tensors: save the network's state_dict()")
    sets = [each for keys, tensors in found for each in _fitting(own, tensors, keys)]
    if not sets:
        renamed = [each.tensors for _, tensors in found for each in _renamed(own, tensors)]
        nearest = max(renamed, key=lambda each: len(each.keys() & own.keys()))
        raise NetworkError(f"{path} does not fit {name}: {misfit(own, nearest)}")
    chosen, _, notes = choose(path, sets, None, "to use the others, save them alone")
    return chosen.tensors, notes


def _fitting(
    own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], keys: tuple[str, ...]
) -> list[WeightSet]:
    """The networks in a dict; none unless together they are all of it."""
    for each in _renamed(own, tensors):
        networks = [
            (prefix, network)
            for prefix in _prefixes(own, each.tensors)
            if misfit(own, network := _below(each.tensors, prefix)) is None
        ]
        if networks and sum(len(network) for _, network in networks) == len(each.tensors):
            return [
                WeightSet(network, keys, prefix, each.inside, each.left_out) for prefix, network in networks
            ]
    return []


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _renamed(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Iterator[WeightSet]:
    """The tensors of a dict as they are called, and then without what wrappers insert into names."""
    tools = {name for name in tensors if name not in own and is_of_a_tool(name)}
    kept, left_out = {name: value for name, value in tensors.items() if name not in tools}, tuple(tools)
    yield WeightSet(kept, left_out=left_out)
    plain, inside = without_inner_wrappers(kept)
    if inside:
        yield WeightSet(plain, inside=inside, left_out=left_out)
    parts = {name: f".{name}".replace(f".{_PARALLEL}", ".")[1:] for name in plain}
    if all(name != part for name, part in parts.items()) and len(set(parts.values())) == len(parts):
        bare = {parts[name]: value for name, value in plain.items()}
        yield WeightSet(bare, inside=(*inside, _PARALLEL), left_out=left_out)


def _prefixes(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> list[str]:
    """What stands before the network's first name, wherever it is found; nothing if the names are its own."""
    first = next((name for name in own if not name.endswith(COUNTER)), "")
    if first in tensors:
        return [""]
    return [name.removesuffix(first) for name in tensors if name.endswith(f".{first}")]
